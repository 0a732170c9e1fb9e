"""The blocks of code in the README and ``docs/``, and how each kind of them is run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mistune
import yaml

from mlmagic.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from tests.magics.conftest import TestingShell

ROOT = Path(__file__).parents[2]
MADE = {"docs/reference.md"}  # from the option table, whose examples test_examples.py runs
DOCUMENTS = sorted(
    name
    for path in (*ROOT.glob("docs/*.md"), ROOT / "README.md")
    if (name := path.relative_to(ROOT).as_posix()) not in MADE
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        text: What is in it.
        language: What its fence says; an indented block is ``sh``.
    """

    text: str
    language: str

    def run(
        self,
        shell: TestingShell,
        capsys: pytest.CaptureFixture[str],
        changes: Mapping[str, str] | None = None,
    ) -> str:
        """Run it in the current folder: cells in a shell of IPython, the rest as bash would.

        Args:
            shell: Where Python is run.
            capsys: Takes what our command prints.
            changes: Texts in it, and what stands for each on this machine.

        Returns:
            What lines of a shell printed.
        """
        text = self.text
        for old, new in (changes or {}).items():
            text = text.replace(old, new)
        if self.language == "python":
            shell.cell(text)
            value = re.search(r"  # ('.*')$", text.rstrip())  # what the last line says it gives
            if value is not None:
                assert repr(shell.last_result) == value[1]
            return ""
        if self.language == "yaml":  # a workflow: the lines of ours in it
            found = (each for each in strings(yaml.safe_load(text)) if "mlmagic run" in each)
            text = "\n".join(found)
        lines = text.splitlines()
        assert lines, self.text
        if not all(line.startswith("mlmagic ") for line in lines):
            return bash(text)
        told = (bash(it) if re.search(r"[>$]", it) else ours(it, capsys) for it in lines)
        return "".join(told)


def blocks(document: str) -> list[Block]:
    """The blocks of a document, in its order.

    Args:
        document: Its path from the root of the repository.
    """
    tree = mistune.create_markdown(renderer=None, plugins=["table"])((ROOT / document).read_text())
    return [
        Block(each["raw"].rstrip("\n"), (each.get("attrs") or {}).get("info", "sh"))
        for each in tree
        if each["type"] == "block_code"
    ]


def ours(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a line of our command in this process, which spares its start; what it printed."""
    capsys.readouterr()  # what cells printed before
    code = main(shlex.split(line, comments=True)[1:])
    out, err = capsys.readouterr()
    assert code == 0, f"{line}\n{out}\n{err}"
    return out


def bash(text: str) -> str:
    """Run lines in bash, with the commands of this environment; what they printed."""
    answer = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", text],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert answer.returncode == 0, f"{text}\n{answer.stdout}\n{answer.stderr}"
    return answer.stdout


def strings(value: Any) -> Iterator[str]:
    """All texts in a document of YAML."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from strings(list(value.values()))
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
