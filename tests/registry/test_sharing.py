"""Cards, and models carried from one registry to another."""

from __future__ import annotations

import io
import json
import re
import shlex
import tarfile

import pytest
import yaml
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge

from mlmagic import Workspace
from mlmagic.errors import RegistryError, UnsafeModelError, UsageError
from mlmagic.options import build_parser, magic_verb, parse
from mlmagic.options.parsing import require
from mlmagic.services.records import check_name

X, Y = load_iris(return_X_y=True, as_frame=True)


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "first").mkdir()
    workspace = Workspace(tmp_path / "first")
    yield workspace
    workspace.registry.close()


@pytest.fixture
def other(tmp_path):
    (tmp_path / "other").mkdir()
    workspace = Workspace(tmp_path / "other")
    yield workspace
    workspace.registry.close()


@pytest.fixture
def iris(workspace):
    fitted = Ridge().fit(X, Y)
    return workspace.register_model(
        fitted,
        name="iris",
        sample=X.head(2),
        tags={"area": "flowers"},
        properties={"license": "mit"},
        description="Which iris it is.",
        datasets={"training": ["fisher-1936"]},
    ).model


def test_a_card_says_what_is_known(workspace, iris):
    card = workspace.model_card("iris")
    assert (card.model, card.edited) == ("iris:1", False)
    _, front, body = card.text.split("---\n", 2)
    facts = yaml.safe_load(front)
    assert facts == {"library_name": "sklearn", "license": "mit", "tags": ["area:flowers"]}
    words = ("Which iris it is.", "%deploy iris-svc", "fisher-1936", "sepal length", iris.digest)
    for each in words:
        assert each in body
    assert card._repr_markdown_() == card.text


@pytest.mark.parametrize("name", ["iris", "Iris_2.v3", "9", "a" * 255])
def test_the_lines_of_a_card_can_be_run(workspace, tmp_path, name):
    (tmp_path / "weights.bin").write_bytes(b"1 2 3")
    workspace.register_model(tmp_path / "weights.bin", name=name)
    script, deploy = re.findall(r"```python\n(.*?)```", workspace.model_card(name).text, re.DOTALL)
    told = {}
    exec(script.partition("\n")[2], told)
    assert "get_model_path" in told  # nobody knows how to load it
    assert "load_model" not in told
    options = magic_verb("%deploy").options
    values = parse(build_parser(options, prog=""), options, shlex.split(deploy)[1:])
    require(values, options)
    check_name(values["name"])
    assert (values["models"], values["script"]) == ((f"{name}:1",), "score.py")


def test_an_edited_card_stays_until_it_is_reset(workspace, iris):
    made = workspace.model_card("iris").text
    assert workspace.model_card("iris", text="# Mine\n").edited
    assert workspace.model_card("iris").text == "# Mine\n"
    assert workspace.collect_model_garbage(grace_hours=0).contents == ()
    assert workspace.model_card("iris", reset=True).text == made
    with pytest.raises(UsageError, match="either replaced"):
        workspace.model_card("iris", text=" ")


def test_models_travel_whole(workspace, other, iris, tmp_path):
    workspace.register_model([1], name="iris")
    workspace.model_card("iris:1", text="# Mine\n")
    workspace.set_model_alias("iris:1", alias="best")
    path = workspace.export_models(["iris"], path=tmp_path / "iris.tar", all_versions=True)
    done = other.import_models(path)
    assert [each.model.id for each in done] == ["iris:1", "iris:2"]
    assert [each.outcome for each in other.import_models(path)] == ["unchanged"] * 2
    got = other.show_model("iris:1")
    for each in ("digest", "tags", "properties", "description", "loader", "lineage", "sample"):
        assert getattr(got, each) == getattr(iris, each), each
    assert got.created_at == iris.created_at
    assert got.aliases == ()
    assert other.model_card("iris:1").text == "# Mine\n"
    assert other.verify_models().ok
    again = workspace.export_models(["iris"], path=tmp_path / "b.tar", all_versions=True)
    assert again.read_bytes() == path.read_bytes()


def test_several_models_in_one_travel(workspace, other, tmp_path):
    parts = {"a": Ridge().fit(X, Y), "b": Ridge(2).fit(X, Y)}
    workspace.register_model(parts, name="two")
    path = workspace.export_models("two", path=tmp_path / "two.tar")
    (done,) = other.import_models(path)
    assert (done.model.loader, done.model.framework) == ("multi", "multi")


def test_a_new_member_sees_what_the_team_has(tmp_path):
    team = {"database_url": f"sqlite:///{tmp_path}/team.db"}
    members = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        members.append(Workspace(tmp_path / name).with_settings(team))
    one, two = members
    one.register_model([1], name="net")
    assert [model.id for model in two.list_models()] == ["net:1"]
    for member in members:
        member.registry.close()


def test_trust_stays_behind(workspace, other, tmp_path):
    evil = tmp_path / "evil.pkl"
    evil.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    workspace.register_model(evil, name="evil", trust="a test")
    path = workspace.export_models(["evil"], path=tmp_path / "evil.tar")
    with pytest.raises(UnsafeModelError, match=r"'(os|posix).system'"):
        other.import_models(path)
    assert other.list_models() == []
    other.import_models(path, trust="seen there")
    assert other.list_trust()[0].reason == "seen there"


def rewritten(path, change):
    """A bundle with other members."""
    members = {}
    with tarfile.open(path) as bundle:
        for member in bundle.getmembers():
            members[member.name] = (member, bundle.extractfile(member).read())
    change(members)
    with tarfile.open(path, "w") as bundle:
        for name, (member, data) in members.items():
            member.name, member.size = name, len(data) if member.isreg() else 0
            bundle.addfile(member, io.BytesIO(data))
    return path


def record(members, **changes):
    member, data = members["models.json"]
    told = json.loads(data)
    told["models"][0] |= changes
    members["models.json"] = (member, json.dumps(told).encode())


def content(members):
    return next(name for name in members if name.startswith("contents/"))


def link(members):
    member = tarfile.TarInfo("contents/" + "0" * 64)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    members[member.name] = (member, b"")


def leading_out(members, name):
    member, data = members["models.json"]
    told = json.loads(data)
    told["models"][0]["files"][0]["path"] = name
    members["models.json"] = (member, json.dumps(told).encode())


BAD = {
    "no records": (lambda m: m.pop("models.json"), "it has no 'models.json'"),
    "no JSON": (lambda m: m.update({"models.json": (m["models.json"][0], b"{")}), "not a whole"),
    "another form": (
        lambda m: m.update({"models.json": (m["models.json"][0], b"{}")}),
        "another form",
    ),
    "content missing": (lambda m: m.pop(content(m)), "is missing"),
    "content changed": (
        lambda m: m.update({content(m): (m[content(m)][0], b"x" * len(m[content(m)][1]))}),
        "does not match",
    ),
    "a link": (link, "does not belong there"),
    "a path above": (lambda m: leading_out(m, "../../evil"), "leads out"),
    "an absolute path": (lambda m: leading_out(m, "/tmp/evil"), "leads out"),
    "a bad name": (lambda m: record(m, name="../evil"), "name"),
    "an option of pip": (lambda m: record(m, requirements=["--index-url=http://x"]), "no package"),
    "another digest": (lambda m: record(m, digest="0" * 64), "not those of its record"),
    "no version": (lambda m: record(m, version="x"), "not a whole"),
}


@pytest.mark.parametrize(("change", "words"), BAD.values(), ids=BAD)
def test_a_bad_bundle_leaves_nothing(workspace, other, iris, tmp_path, change, words):
    path = workspace.export_models(["iris"], path=tmp_path / "iris.tar")
    with pytest.raises(RegistryError, match=words):
        other.import_models(rewritten(path, change))
    assert other.list_models() == []


def test_what_is_no_bundle_is_said(other, tmp_path):
    with pytest.raises(RegistryError, match="does not exist"):
        other.import_models(tmp_path / "gone.tar")
    (tmp_path / "half.tar").write_bytes(b"x" * 700)
    with pytest.raises(RegistryError, match="not a whole bundle"):
        other.import_models(tmp_path / "half.tar")


def test_a_part_is_read_as_it_was_checked(workspace, tmp_path):
    folder = tmp_path / "several"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"1 2 3")
    (folder / "parts.json").write_text(json.dumps({"a": {"file": "a.bin", "loader": "pickle"}}))
    with pytest.raises(RegistryError, match="'a' is said to be read by 'pickle'"):
        workspace.register_model(folder, name="several")
