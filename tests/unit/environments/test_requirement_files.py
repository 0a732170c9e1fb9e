from pathlib import Path

import pytest

from mlmagic.environments.requirement_files import Collected
from mlmagic.errors import EnvironmentSetupError


def collect(tmp_path: Path, *lines: str) -> Collected:
    collected = Collected(tmp_path / "wheels")
    collected.add(lines, base=tmp_path, source="requirements.txt")
    return collected


def test_lines_comments_and_continuations(tmp_path: Path) -> None:
    collected = collect(
        tmp_path,
        "# a comment",
        "six  # why",
        "idna==3.10 \\",
        "    --hash=sha256:aa \\",
        "    --hash=sha256:bb",
        "packaging>=24 ; python_version > '3'",
        "a @ https://files.example/a-1.0.zip#sha256=12",
    )
    assert collected.requirements == [
        "six",
        "idna==3.10",
        'packaging>=24; python_version > "3"',
        "a @ https://files.example/a-1.0.zip#sha256=12",
    ]


def test_nested_files_and_limits(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/base.txt").write_text("idna\n-c limits.txt\n")
    (tmp_path / "more/limits.txt").write_text("idna<4\n")
    collected = collect(tmp_path, "six", "-r more/base.txt")
    assert collected.requirements == ["six", "idna"]
    assert collected.limits == ["idna<4"]


def test_a_file_that_includes_itself(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("--requirement=a.txt\n")
    with pytest.raises(EnvironmentSetupError, match=r"a\.txt' includes itself"):
        Collected(tmp_path).read(tmp_path / "a.txt")


def test_index_options(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    collected = collect(
        tmp_path,
        "-i https://index.example/simple",
        "--extra-index-url=https://user:${TOKEN}@other.example/simple",
        "--find-links house",
        "--trusted-host index.example",
        "--require-hashes",
    )
    assert collected.index_options == [
        "--index-url https://index.example/simple",
        "--extra-index-url https://user:${TOKEN}@other.example/simple",
        f"--find-links {tmp_path / 'house'}",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://user:geheim@index.example/simple",
        "--extra-index-url https://geheim@index.example/simple",
        "a @ git+https://geheim@host.example/a",
    ],
)
def test_passwords_are_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    with pytest.raises(EnvironmentSetupError, match="holds a password") as caught:
        collect(tmp_path, line)
    assert "geheim" not in str(caught.value)


def test_ssh_addresses_are_no_passwords(tmp_path: Path) -> None:
    line = "a @ git+ssh://git@host.example/a"
    assert collect(tmp_path, line).requirements == [line]


@pytest.mark.parametrize("name", ["mlmagic", "jupyter_mlmagic", "azureml-defaults", "AzureML.Core"])
def test_ours_and_azure_mls_never_reach_a_resolver(tmp_path: Path, name: str) -> None:
    assert collect(tmp_path, f"{name}>=1", "six").requirements == ["six"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not a requirement", "Line 2 of 'requirements.txt' is no requirement: 'not a"),
        ("--frobnicate", "'--frobnicate' in requirements is not known"),
        ("-r missing.txt", r"no requirements file '.*missing\.txt'"),
        ("./missing-1.0-py3-none-any.whl", "which is gone"),
        ("-e git+https://host.example/a", "does not say what it is"),
        ("--find-links nowhere", "no folder 'nowhere'"),
    ],
)
def test_bad_lines_say_what_is_wrong(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(EnvironmentSetupError, match=message):
        collect(tmp_path, "six", line)
