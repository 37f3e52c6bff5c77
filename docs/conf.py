"""How Sphinx builds the documentation."""

from __future__ import annotations

from importlib.util import find_spec

import jitgrad

project = "jitgrad"
author = "The jitgrad developers"
copyright = f"2026, {author}"  # noqa: A001  # the name Sphinx reads
release = version = jitgrad.__version__

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
# The tables are written by benchmarks and included by a page.
exclude_patterns = ["_build", "trust-table.md", "auto-table.md", "lanes-table.md", "lanes-peak.md"]
# Examples are run by the tests, which also compare what they print.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 2

autosummary_generate = True
autodoc_typehints = "none"
# Modules that need PyTorch are described where it is not installed, too.
autodoc_mock_imports = [] if find_spec("torch") else ["torch"]
numpydoc_show_class_members = False
default_role = "code"

html_theme = "pydata_sphinx_theme"
html_title = f"jitgrad {release}"
html_theme_options = {"navigation_with_keys": False, "show_toc_level": 2, "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False
