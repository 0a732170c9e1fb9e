"""Which context of which file is meant, as kubectl means it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlmagic.errors import TargetUnavailableError
from mlmagic.targets.kubernetes.connection import Place, connect

if TYPE_CHECKING:
    from pathlib import Path


def kubeconfig(file: Path, port: int, *contexts: str, **more: Any) -> str:
    """Write a file whose contexts lead to a port, into the namespace of their name."""
    content = {
        "clusters": [{"name": f"c{port}", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
        "users": [{"name": f"u{port}", "user": {"token": "secret"}}],
        "contexts": [
            {
                "name": name,
                "context": {"cluster": f"c{port}", "user": f"u{port}", "namespace": name},
            }
            for name in contexts
        ],
        **more,
    }
    file.write_text(yaml.safe_dump(content))
    return str(file)


def where(files: str, context: str | None = None) -> tuple[str, str]:
    connection = connect(Place(kubeconfig=files, context=context))
    return connection.host.rpartition(":")[2], connection.namespace


@pytest.mark.parametrize("current", [{}, {"current-context": ""}, {"current-context": "gone"}])
def test_a_context_that_is_named_needs_no_current_one(
    tmp_path: Path, current: dict[str, str]
) -> None:
    file = kubeconfig(tmp_path / "config", 1, "dev", "prod", **current)
    assert where(file, "prod") == ("1", "prod")


@pytest.mark.parametrize(
    ("current", "message", "hint"),
    [
        ({}, "has no current context", "'dev', 'prod'"),
        ({"current-context": ""}, "has no current context", "'dev', 'prod'"),
        ({"current-context": "prd"}, "has no context 'prd', its current one", "'prod'"),
    ],
)
def test_without_a_name_the_current_context_is_needed(
    tmp_path: Path, current: dict[str, str], message: str, hint: str
) -> None:
    file = kubeconfig(tmp_path / "config", 1, "dev", "prod", **current)
    with pytest.raises(TargetUnavailableError) as caught:
        where(file)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_several_files_are_merged_as_kubectl_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first file that says something of a name, or of the current context, is right."""
    one = kubeconfig(tmp_path / "one", 1, "dev")
    two = kubeconfig(tmp_path / "two", 2, "dev", "prod", **{"current-context": "dev"})
    three = kubeconfig(tmp_path / "three", 3, "test", **{"current-context": "test"})
    (tmp_path / "empty").touch()
    files = os.pathsep.join([str(tmp_path / "empty"), one, str(tmp_path / "none"), two, three])
    assert [where(files, name) for name in ("dev", "prod", "test")] == [
        ("1", "dev"),
        ("2", "prod"),
        ("3", "test"),
    ]
    monkeypatch.setenv("KUBECONFIG", files)
    connection = connect(Place())
    assert (connection.host, connection.namespace) == ("https://127.0.0.1:1", "dev")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["sh", "-c", "echo 'please log in' >&2; exit 1"], "returned 1. please log in"),
        (["no-such-plugin"], "No such file or directory: 'no-such-plugin'"),
        (["echo", "{}"], "malformed response"),
        (["echo", '{"apiVersion": "A", "kind": "ExecCredential", "status": {}}'], "missing token"),
    ],
)
def test_a_plugin_that_gives_no_credentials_is_told(
    tmp_path: Path, command: list[str], words: str
) -> None:
    """Without them we would be somebody who may nothing."""
    plugin = {"apiVersion": "A", "command": command[0], "args": command[1:]}
    users = [{"name": "u1", "user": {"exec": plugin}}]
    file = kubeconfig(tmp_path / "config", 1, "dev", users=users)
    with pytest.raises(TargetUnavailableError) as caught:
        where(file, "dev")
    assert words in caught.value.message
    assert f"'{file}'" in caught.value.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "it has no contexts"),
        ("apiVersion: v1\nkind: Config\n", "it has no contexts"),
        ("contexts: [", "cannot be used"),
        ("[]", "cannot be used"),
        ("contexts: [{context: {}}]", "cannot be used"),
        ("contexts: [{name: dev, context: {cluster: gone}}]\ncurrent-context: dev", "name gone"),
    ],
)
def test_a_file_that_is_broken_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    with pytest.raises(TargetUnavailableError, match=message) as caught:
        where(str(file))
    assert f"'{file}'" in caught.value.message
