"""What the tracked files must not contain, and what they must agree on."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import jitgrad

ROOT = Path(__file__).parent.parent
LONGEST_SOURCE = 400

# Written in pieces, so that this file passes its own test.
HOSTS = "|".join(["pypi" + r"\.org", "python" + "hosted", "ana" + r"conda\.org", "://" + "pypi"])
FOLDERS = "home|opt|root|tmp|work|Users"
MACHINE_PATH = re.compile(rf"(?<![\w.~$}}*/])/(?:{FOLDERS})/\w")


def tracked_text() -> dict[str, str]:
    """Text files that git tracks or would track."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    answer = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, text=True)
    found = {}
    for name in filter(None, answer.stdout.split("\0")):
        try:
            found[name] = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return found


@pytest.mark.parametrize("pattern", [re.compile(HOSTS), MACHINE_PATH], ids=["registry host", "path of a machine"])
def test_nothing_ties_the_files_to_one_place(pattern):
    breaches = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked_text().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert breaches == []


def test_the_patterns_find_what_they_are_for():
    assert MACHINE_PATH.search("cache = '/" + "home/me/x'")
    assert not MACHINE_PATH.search("src/work/x and $HOME/work/x")
    assert re.search(HOSTS, "https://files.python" + "hosted.org")


def test_source_files_are_short():
    lengths = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "src").rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_SOURCE} == {}


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == jitgrad.__version__
    assert f"\nversion: {jitgrad.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## [{jitgrad.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
