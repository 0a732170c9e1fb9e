"""Who only looks leaves no folder: a stray one would be the workspace of all folders below it."""

from __future__ import annotations

import inspect

import pytest

from mlmagic import Workspace
from mlmagic.cli import main
from mlmagic.options.verbs import VERBS

# What is made first in a workspace, or brought to this machine from a registry.
MAKING = {
    *("register_model", "import_models", "sign_model", "deploy", "attach_service"),
    *("download_model", "export_models", "verify_model_signature"),
    *("clone_environment", "register_environment", "package_models", "pull_image"),
    *("attach_compute_target", "create_compute_target"),
    "scaffold_environment",  # writes into the folder itself
}
LOOKING = [verb for verb in VERBS if verb.shell and verb.owner == "workspace"]
LOOKING = [verb for verb in LOOKING if verb.method not in MAKING]
VALUES = {"alias": "best", "replicas": "1", "key": "primary", "model": "nobody"}


@pytest.mark.parametrize("verb", LOOKING, ids=lambda verb: verb.title)
def test_a_verb_that_makes_nothing_leaves_no_folder(verb, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = {}
    for option in verb.options:
        if option.required:
            flag = [] if option.positional else [option.flags[0]]
            words.setdefault(option.name, [*flag, VALUES.get(option.name, "nobody")])
    main([*verb.path, *(word for pair in words.values() for word in pair)])
    assert [*tmp_path.iterdir()] == []
    assert "created in" not in capsys.readouterr().err


def test_completion_leaves_no_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for line in ("deploy x-svc --environment", "model show", "service show", "deploy x-svc --dc"):
        main(["complete", *line.split(), ""])
    assert "minimal" in capsys.readouterr().out
    assert [*tmp_path.iterdir()] == []


def test_what_a_python_program_looks_for_leaves_no_folder(tmp_path):
    workspace = Workspace(tmp_path)
    assert [entry.name for entry in workspace.list_environments()][:1] == ["minimal"]
    assert workspace.verify_models().ok
    assert not workspace.created
    assert [*tmp_path.iterdir()] == []
    assert "name" in inspect.signature(Workspace.show_environment).parameters
    (tmp_path / "m.txt").write_text("m")
    workspace.register_model(tmp_path / "m.txt", name="m")
    assert workspace.show_model("m").version == 1
