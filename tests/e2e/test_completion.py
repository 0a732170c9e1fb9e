"""The tab key in each shell, as the shell itself asks for it.

``MLMAGIC_REQUIRE=shells`` makes a shell that is missing a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
# What bash does at a tab: the function of the command, with the line as far as the cursor.
PRESS = """
eval "$(mlmagic completion bash)"
COMP_LINE="$1" COMP_POINT=${#1}
_mlmagic
printf '%s\\n' "${COMPREPLY[@]}"
"""


# A line as far as the cursor, and what its last word can become, their common beginning first.
NAMES = (
    ("mlmagic model show he", ["hello", "hello:1", "hello@best"]),
    ("mlmagic model show hello:", ["hello:1"]),
    ("mlmagic model show -i hello@b", ["hello@best"]),
    ("mlmagic model list --model-name he", ["hello"]),
    ("mlmagic service show ec", ["echo-svc"]),
    ("mlmagic service get-logs -n ec", ["echo-svc"]),
    ("mlmagic environment show ow", ["own", "own:1"]),
    ("mlmagic deploy svc -e own:", ["own:1"]),
    ("mlmagic config show kept", ["kept-config"]),
    ("mlmagic deploy svc --dc kept", ["kept-config"]),
    ("mlmagic deploy svc --ct loc", ["local"]),
    ("mlmagic computetarget show ku", ["kubernetes"]),
    ("mlmagic deploy svc --ic mod", ["model.txt"]),
    ("mlmagic model register -p mod", ["model.txt"]),
)
SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("completion")
    workspace = Workspace.create(folder)
    (folder / "model.txt").write_text("one")
    workspace.register_model(folder / "model.txt", name="hello")
    workspace.set_model_alias("hello:1", alias="best")
    workspace.keep_configuration("deployment", "kept-config", "port: 8890\n")
    workspace.scaffold_environment("own", folder / "own-env")
    workspace.register_environment(folder / "own-env")
    (folder / "score.py").write_text(SCRIPT)
    service = workspace.deploy(
        "echo-svc", script=folder / "score.py", environment="minimal", wait=False
    )
    yield folder
    service.delete()


def require(shell: str) -> None:
    if shutil.which(shell) is None:
        if "shells" in os.environ.get("MLMAGIC_REQUIRE", "").split(","):
            pytest.fail(f"There is no {shell}.")
        pytest.skip(f"no {shell}: apt install {shell}")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=env)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("mlmagic serv", {"service", "services"}),
        ("mlmagic model sh", {"show"}),
        ("mlmagic model show he", {"hello", "hello:1", "hello@best"}),
        ("mlmagic model show hello:", {"1"}),  # bash keeps what stands before the colon
        ("mlmagic model show hello@", {"best"}),
        ("mlmagic model list -o js", {"json", "jsonc"}),
        ("mlmagic model register --model-fr", {"--model-framework", "--model-framework-version"}),
        ("mlmagic nosuch x", {""}),
    ],
)
def test_bash_completes_verbs_options_and_names(folder: Path, line: str, told: set[str]) -> None:
    done = run(folder, "bash", "-c", PRESS, "bash", line)
    assert (done.stderr, {*done.stdout.rstrip("\n").split("\n")}) == ("", told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("mlmagic model sh", ["show"]),
        ("mlmagic model list -o js", ["json", "jsonc"]),
        ("mlmagic nosuch mod", ["model.txt"]),  # files, where nothing is known
        *NAMES,
    ],
)
def test_fish_completes_verbs_options_and_names(folder: Path, line: str, told: list[str]) -> None:
    require("fish")
    press = 'mlmagic completion fish | source; complete --do-complete "$argv[1]"'
    done = run(folder, "fish", "--no-config", "-c", press, line)
    assert (done.stderr, done.stdout.split()) == ("", told)


def test_zsh_completes_verbs_options_and_names(folder: Path) -> None:
    require("zsh")
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "dumb"}
    zsh = pexpect.spawn(
        "zsh", ["-f", "-i"], env=env, cwd=folder, encoding="utf-8", timeout=120, echo=False,
        dimensions=(40, 200),
    )  # fmt: skip
    try:
        zsh.sendline('PS1=; bindkey -e; eval "$(mlmagic completion zsh)"; print -r -- rea""dy')
        zsh.expect("\nready")
        for line, completed in (
            ("mlmagic model sh", "mlmagic model show"),
            ("mlmagic model register --model-framework-v", "--model-framework-version"),
            ("mlmagic nosuch mod", "mlmagic nosuch model.txt"),
            *((line, f"{line.rpartition(' ')[0]} {told[0]}") for line, told in NAMES),
        ):
            # The tab key, then the line as it is now, printed: ctrl-A, ctrl-E are its ends.
            zsh.send(f"{line}\t\x01print -r -- [ \x05 ]\r")
            zsh.expect(r"\n\[ +(.*?) +\]")
            assert zsh.match[1].endswith(completed), zsh.match[1]
    finally:
        zsh.close(force=True)


def test_each_shell_has_its_script(folder: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "mlmagic complete --" in run(folder, "mlmagic", "completion", shell).stdout
    missing = run(folder, "mlmagic", "completion").stderr
    assert missing == "error: bash|zsh|fish is missing: the shell.\n"
    for words in ("completion bsh", "alias az --shell bsh"):
        wrong = run(folder, "mlmagic", *words.split())
        assert (wrong.returncode, "Did you mean 'bash'" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--help", r"\n  alias az +Print"),
        ("--help", r"\n  completion +Print"),
        ("alias --help", "mlmagic alias VERB"),
        ("alias az --help", "mlmagic alias az --shell fish"),
        ("completion --help", "mlmagic completion bash"),
    ],
)
def test_what_is_for_shells_alone_is_in_the_help(folder: Path, words: str, told: str) -> None:
    done = run(folder, "mlmagic", *words.split())
    assert done.returncode == 0, done.stderr
    assert re.search(told, done.stdout), done.stdout


LISTS = "az ml model list --query '[].id' -o tsv; az account set -s SUB"


@pytest.mark.parametrize(
    ("shell", "loads"),
    [
        (("bash", "--norc", "-c"), 'eval "$(mlmagic alias az)"'),
        (("zsh", "-f", "-c"), 'eval "$(mlmagic alias az)"'),
        (("zsh", "-f", "-c"), 'eval "$(mlmagic alias az --shell zsh)"'),
        (("fish", "--no-config", "-c"), "mlmagic alias az --shell fish | source"),
    ],
    ids=["bash", "zsh", "zsh by name", "fish"],
)
def test_az_ml_is_ours_in_each_shell(
    folder: Path,
    tmp_path: Path,
    shell: tuple[str, ...],
    loads: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require(shell[0])
    (tmp_path / "az").write_text("#!/bin/sh\necho the other az: $*\n")
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{tmp_path}")
    done = run(folder, *shell, f"{loads}; {LISTS}")
    assert (done.stderr, done.stdout) == ("", "hello:1\nthe other az: account set -s SUB\n")
    failed = run(folder, *shell, f"{loads}; az ml model show 'no such'")
    assert (failed.returncode, "no such" in failed.stderr) == (1, True)
