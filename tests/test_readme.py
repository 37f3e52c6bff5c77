"""The Python examples of the README and the guides run, and print what the comments beside them say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "quickstart.md",
    ROOT / "docs" / "vector-functions.md",
    ROOT / "docs" / "second-derivatives.md",
    ROOT / "docs" / "limitations.md",
    ROOT / "docs" / "tuners.md",
    ROOT / "docs" / "lanes.md",
    ROOT / "docs" / "blackbox.md",
    ROOT / "docs" / "random-directions.md",
    ROOT / "docs" / "training.md",
]
PRINTED = re.compile(r"^ *print\(.*\)\s+# (.*)$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_print_what_they_promise(page, capsys):
    document = Sybil(parsers=[PythonCodeBlockParser()]).parse(page)
    examples = list(document.examples())
    assert examples
    for example in examples:
        example.evaluate()
    assert capsys.readouterr().out.splitlines() == [promise.strip() for promise in PRINTED.findall(page.read_text())]


def test_programs_print_what_they_promise(tmp_path):
    text = (ROOT / "docs" / "workers.md").read_text()
    program = tmp_path / "program.py"
    program.write_text(re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1])
    answer = subprocess.run([sys.executable, program], check=True, capture_output=True, text=True)
    assert answer.stdout.splitlines() == [promise.strip() for promise in PRINTED.findall(text)]
    assert answer.stderr == ""


def test_two_commands_stand_in_the_readme():
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [command.rsplit(" -m ", 1)[1] for command in commands] == ["jitgrad demo", "pytest"]
