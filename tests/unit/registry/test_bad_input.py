"""Names, folders and files that make trouble: refused in clear words, or kept as they are."""

from __future__ import annotations

import os

import pytest

from mlmagic.errors import RegistryError, UnsafeModelError
from mlmagic.registry import ContentStore, Registry
from mlmagic.registry.bundles import export_models, import_models


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
    """A store beside which somebody writes: ``meddle`` is done when the first file is stored."""

    meddle = staticmethod(lambda: None)

    def add(self, path, **options):
        self.meddle()
        return super().add(path, **options)


@pytest.fixture
def meddled(tmp_path):
    made = Registry(tmp_path / "ws", Meddled(tmp_path / "ws" / "content"))
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


def test_thousands_of_files_are_one_model(registry, folder, tmp_path):
    # 100,000 of them: python -m tests.benchmarks.registry
    for number in range(600):
        (folder / f"{number:03}.txt").write_text(f"{number}")
    model = registry.register(folder, name="net").model
    assert len(model.files) == len(list(registry.content.digests())) == 600
    registry.place(model, tmp_path / "out")
    assert len(list((tmp_path / "out" / "net").iterdir())) == 600
