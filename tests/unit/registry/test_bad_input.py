"""Names, folders and files that make trouble: refused in clear words, or kept as they are."""

from __future__ import annotations

import os
import sys

import pytest

from mlmagic.errors import RegistryError, UnsafeModelError
from mlmagic.presentation import present
from mlmagic.registry import ContentStore, Registry
from mlmagic.registry.bundles import export_models, import_models
from mlmagic.registry.cards import make_card
from mlmagic.workspace.comparing import model_differences


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net").mkdir()
    return tmp_path / "net"


@pytest.mark.parametrize(
    "name", [b"latin-\xe9.bin", b"two\nlines", b"bell\x07", b"back\\slash", "line\u2028".encode()]
)
def test_names_that_cannot_be_stored_are_refused(registry, folder, name):
    (folder / os.fsdecode(name)).write_bytes(b"x")
    with pytest.raises(RegistryError, match=r"The file name '.*' has characters that cannot be"):
        registry.register(folder, name="net")
    assert registry.list() == []
    assert list(registry.content.digests()) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Model.bin", "model.bin"),
        ("straße", "STRASSE"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"),
        ("A", "a/b"),
    ],
)
def test_names_that_are_one_on_other_disks_are_refused(registry, folder, first, second):
    for name in (first, second):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    if len(list(folder.iterdir())) == 1:
        pytest.skip("this disk takes the two for one")
    with pytest.raises(RegistryError, match="are the same name where case does not count"):
        registry.register(folder, name="net")


def test_names_that_mean_something_elsewhere_are_kept(registry, folder, tmp_path):
    names = [
        "CON",
        "nul.txt",
        "a:b",
        "what?.bin",
        "trailing.",
        " spaces ",
        "-n",
        "日本語",
        "x" * 255,
    ]
    for name in names:
        (folder / name[:255]).write_text(name)
    model = registry.register(folder, name="net").model
    assert sorted(file.path for file in model.files) == sorted(f"net/{name}" for name in names)
    out = registry.download("net", tmp_path / "out")
    assert {path.name: path.read_text() for path in out.iterdir()} == {n: n for n in names}
    export_models(registry, [model], tmp_path / "net.tar")
    other = Registry(tmp_path / "other", ContentStore(tmp_path / "other" / "content"))
    assert import_models(other, tmp_path / "net.tar")[0].model.files == model.files
    other.close()


def test_folders_without_end_are_refused(registry, folder):
    deep = folder
    for _ in range(101):
        deep /= "d"
        deep.mkdir()
    (deep / "model.bin").write_bytes(b"x")
    with pytest.raises(RegistryError, match="folders more than 100 deep"):
        registry.register(folder, name="net")


class Meddled(ContentStore):
    """A store beside which somebody writes: ``meddle`` is done at its moment."""

    moment = ""
    meddle = staticmethod(lambda: None)

    def add_all(self, files, **options):
        if self.moment == "inspected":
            self.meddle()
        return super().add_all(files, **options)

    def _store(self, found, **options):
        if self.moment == "digested":
            self.meddle()
        super()._store(found, **options)


@pytest.fixture(params=["inspected", "digested"])
def meddled(request, tmp_path):
    made = Registry(tmp_path / "ws", Meddled(tmp_path / "ws" / "content"))
    made.content.moment = request.param
    yield made
    made.close()


def bomb():
    """A pickle that would run a command."""
    return b"cos\nsystem\n(S'true'\ntR."


@pytest.mark.parametrize(
    ("what", "meddle"),
    [
        ("a.pkl", lambda folder: (folder / "a.pkl").write_bytes(bomb())),
        ("b.bin", lambda folder: (folder / "b.bin").unlink(missing_ok=True)),
        ("c.bin", lambda folder: (folder / "c.bin").write_bytes(b"new")),
    ],
)
def test_what_changes_after_it_was_inspected_is_not_registered(meddled, folder, what, meddle):
    (folder / "a.pkl").write_bytes(b"\x80\x04N.")
    (folder / "b.bin").write_bytes(b"b")
    meddled.content.meddle = lambda: meddle(folder)
    with pytest.raises(RegistryError, match=rf"{what}' (changed while|cannot be read)"):
        meddled.register(folder, name="net")
    assert meddled.list() == []
    if what == "a.pkl":
        meddled.content.meddle = lambda: None
        with pytest.raises(UnsafeModelError):
            meddled.register(folder, name="net")


def steps(action):
    """Count the lines of mlmagic that are run, those of loops each time."""
    count = [0]

    def trace(frame, _event, _argument):
        if f"{os.sep}mlmagic{os.sep}" not in frame.f_code.co_filename:
            return None
        count[0] += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count[0]


def test_twice_the_files_take_twice_the_steps(tmp_path):
    # 100,000 of them: python -m tests.benchmarks.registry
    def work(count):
        place = tmp_path / f"{count}"
        (place / "net").mkdir(parents=True)
        for number in range(count):
            (place / "net" / f"{number}").write_bytes(bomb().replace(b"true", b"%d" % number))
        registry = Registry(place / "ws", ContentStore(place / "ws" / "content"))
        registry.register([1], name="first")  # what is done once
        actions = {
            "register": lambda: registry.register(place / "net", name="net", trust="tried"),
            "register again": lambda: registry.register(place / "net", name="net"),
            "show": lambda: present(registry.get("net")).text,
            "compare": lambda: model_differences(registry.get("net"), registry.get("first")),
            "download": lambda: registry.download("net", place / "out"),
            "check trust": lambda: registry.trust.check(registry.get("net")),
            "verify": registry.verify,
            "delete": lambda: registry.delete("net"),
            "collect": lambda: registry.collect_garbage(others=[], grace_seconds=-1),
        }
        done = {name: steps(action) for name, action in actions.items()}
        assert len(list((place / "out" / "net").iterdir())) == count
        assert len(list(registry.content.digests())) == 1
        registry.close()
        return done

    few, many = work(80), work(160)
    assert {name: many[name] / few[name] for name in few if many[name] > 2.2 * few[name]} == {}


def test_a_long_list_of_files_is_cut_where_people_read_it(registry, folder):
    for number in range(250):
        (folder / f"{number:03}.txt").write_text("the same")
    model = registry.register(folder, name="net").model
    text = present(model).text
    assert "net/099.txt" in text
    assert "… and 150 files more" in text
    assert "net/100.txt" not in text
    assert "| and 150 more |" in make_card(model, registry.content.read_bytes)
