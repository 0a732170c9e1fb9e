import json
from pathlib import Path

import pytest

from mlmagic.errors import ConfigurationError
from mlmagic.workspace import Workspace
from mlmagic.workspace.roots import find_root, open_root, root_from_config

V1 = {"subscription_id": "s", "resource_group": "g", "workspace_name": "team-ws"}
FORM_B = {
    "Id": "x",
    "Scope": "/subscriptions/s/resourceGroups/g/providers/"
    "Microsoft.MachineLearningServices/workspaces/team-ws",
}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("folder", [".azureml", "aml_config"])
@pytest.mark.parametrize("content", [V1, FORM_B])
@pytest.mark.parametrize("file", ["config.json", "project.json"])
def test_a_v1_configuration_upwards_names_the_workspace(tmp_path, folder, content, file):
    write(tmp_path / folder / file, content)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    root = find_root(below)
    assert (root.path, root.name) == (tmp_path, "team-ws")
    assert root.v1 == {"subscription_id": "s", "resource_group": "g"}


def test_a_workspace_nearer_than_the_project_wins(tmp_path):
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "inner"
    Workspace.create(inner, name="mine")
    below = inner / "notebooks"
    below.mkdir()
    assert (find_root(below).path, find_root(below).name) == (inner, "mine")
    assert find_root(tmp_path).path == tmp_path


def test_the_project_root_is_taken_before_the_current_folder(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    below = tmp_path / "notebooks"
    below.mkdir()
    assert find_root(below).path == tmp_path


def test_a_folder_without_any_mark_is_its_own_workspace(tmp_path):
    below = tmp_path / "plain"
    below.mkdir()
    root = find_root(below)
    assert root.path == below
    assert not root.exists


def test_looking_makes_no_folder_and_the_first_write_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = Workspace()
    assert workspace.list_models() == []
    assert workspace.list_services() == []
    assert workspace.list_configurations() == []
    assert not (tmp_path / ".mlmagic").exists()
    assert not workspace.created
    (tmp_path / "m.txt").write_text("m")
    workspace.register_model("m.txt", name="m")
    assert workspace.created
    assert (tmp_path / ".mlmagic" / ".gitignore").read_text() == "*\n"


def test_from_config_takes_a_file_of_any_name(tmp_path):
    file = write(tmp_path / ".file-path" / "ws_config.json", V1)
    root = root_from_config(file)
    assert (root.name, root.path) == ("team-ws", tmp_path / ".file-path")
    inside = write(tmp_path / ".azureml" / "config.json", V1)
    assert Workspace.from_config(inside).root == tmp_path
    assert Workspace.from_config(tmp_path).name == "team-ws"


@pytest.mark.parametrize("content", [{}, [], "text", {"subscription_id": "s"}, {"Scope": "/a/b"}])
def test_a_file_that_is_no_configuration_is_refused_by_name(tmp_path, content):
    file = write(tmp_path / "config.json", content)
    with pytest.raises(ConfigurationError, match=r"config\.json' is not a workspace configuration"):
        root_from_config(file)


def test_a_missing_configuration_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"'.*nowhere' does not exist"):
        root_from_config(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["a", "-ab", "a b", "x" * 33])
def test_a_workspace_name_follows_the_rule_of_v1(tmp_path, name):
    with pytest.raises(ConfigurationError, match=r"not allowed: 2 to 32 letters"):
        Workspace.create(tmp_path, name=name)
    assert not (tmp_path / ".mlmagic").exists()


def test_a_workspace_keeps_its_name(tmp_path):
    open_root(tmp_path, name="first").create()
    assert open_root(tmp_path).name == open_root(tmp_path, name="first").name == "first"
    with pytest.raises(ConfigurationError, match="is called 'first', not 'second'"):
        open_root(tmp_path, name="second")


def test_a_damaged_record_is_told(tmp_path):
    Workspace.create(tmp_path)
    (tmp_path / ".mlmagic" / "workspace.json").write_text("{")
    with pytest.raises(ConfigurationError, match="is damaged"):
        open_root(tmp_path)


def test_a_record_of_a_later_version_is_refused(tmp_path):
    Workspace.create(tmp_path)
    record = tmp_path / ".mlmagic" / "workspace.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "format": 99}))
    with pytest.raises(ConfigurationError, match="later version of mlmagic"):
        open_root(tmp_path)


def test_workspaces_around_are_listed(tmp_path):
    outer = Workspace.create(tmp_path, name="outer")
    Workspace.create(tmp_path / "inner", name="inner")
    assert [(row["name"], row["current"]) for row in outer.list_workspaces()] == [
        ("outer", True),
        ("inner", False),
    ]
