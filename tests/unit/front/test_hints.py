"""What messages tell to do next: written as magics, shown in the words of who reads them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import mlmagic
from mlmagic.cli.terminal import Terminal
from mlmagic.errors import Remark
from mlmagic.options.verbs import VERBS

ROOT = Path(mlmagic.__file__).parent
TITLES = {" ".join(path) for verb in VERBS for path in (verb.path, *verb.aliases)}
GROUPS = {title.split()[0] for title in TITLES}
# For shells alone, of lines of 'az ml' wherever they stand, or of Python that is no notebook's.
OF_A_SHELL = ("cli/", "azureml/", "options/az.py", "options/runs.py")


def texts() -> list[tuple[str, str]]:
    """Every text of the package that is no docstring, with its place."""
    found = []
    for file in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(file.read_text())
        bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        place = file.relative_to(ROOT).as_posix()
        found += [
            (f"{place}:{node.lineno}", node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            if isinstance(node.value, str) and id(node) not in bare
        ]
    return found


def test_messages_name_magics_which_a_shell_turns_into_commands():
    command = re.compile(rf"\bmlmagic ({'|'.join(GROUPS)})\b(?! (takes|does|made|has|is))")
    assert [
        (place, text)
        for place, text in texts()
        if command.search(text) and not place.startswith(OF_A_SHELL)
    ] == []


def test_messages_name_verbs_that_there_are():
    named = {
        (place, words)
        for place, text in texts()
        for words in re.findall(r"(?:%ml|'mlmagic) ([a-z]+(?: [a-z-]+)?)", text)
        if not place.startswith("cli/reference")
    }
    assert len(named) > 20
    assert {
        (place, words)
        for place, words in named
        if words not in TITLES and words.split()[0] not in TITLES
    } == set()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Free some space: %ml image prune.", "Free some space: mlmagic image prune."),
        (
            "Start with %deploy, or '%register x'.",
            "Start with mlmagic deploy, or 'mlmagic register x'.",
        ),
        ("A cell with %%score_script; 5%ml; %mlx", "A cell with %%score_script; 5%ml; %mlx"),
    ],
)
def test_a_shell_is_told_commands(written, shown, capsys):
    terminal = Terminal()
    terminal.note(written)
    terminal.error(written)
    with terminal.progress() as say:
        say(written)
        say(Remark(written))
    assert capsys.readouterr().err.splitlines() == [shown, f"error: {shown}", shown, shown]
    with terminal.progress(kept=True) as say:  # the log of a run, which is a notebook's
        say(written)
    assert capsys.readouterr().err == f"{written}\n"


def test_remarks_stay_remarks_under_ci(monkeypatch, capsys):
    monkeypatch.setenv("CI", "true")
    with Terminal().progress() as say:
        say("a line")
        say(Remark("it changes in place: %ml service update"))
    assert capsys.readouterr().err == "it changes in place: mlmagic service update\n"
