"""Models by address, and archives that want more than to be unpacked."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from mlmagic.errors import RegistryError
from mlmagic.registry.downloads import fetch_address, unpack
from mlmagic.registry.sources import collect


def tar(path, *entries, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for entry in entries:
            data = io.BytesIO(b"x" * entry.size)
            archive.addfile(entry, data if entry.isfile() else None)
    return path


def entry(name, kind=tarfile.REGTYPE, size=1, link=""):
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size if kind == tarfile.REGTYPE else 0, link
    return made


def test_an_archive_by_address(tmp_path):
    (tmp_path / "out").mkdir()
    archive = tar(tmp_path / "mnist.tar.gz", entry("mnist/model.onnx"), entry("mnist/test/in.pb"))
    found = fetch_address(archive.as_uri(), tmp_path / "out")
    assert list(collect([found])) == ["mnist/model.onnx", "mnist/test/in.pb"]


def test_a_plain_file_by_address(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "a.bin").write_bytes(b"1")
    assert fetch_address((tmp_path / "a.bin").as_uri(), tmp_path / "out").read_bytes() == b"1"
    with pytest.raises(RegistryError, match=r"cannot be read: FileNotFoundError"):
        fetch_address((tmp_path / "none").as_uri(), tmp_path / "out")
    with pytest.raises(RegistryError, match="is of a kind that models are not taken from"):
        fetch_address("git://host/repo", tmp_path / "out")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (entry("../evil"), "leads out"),
        (entry("/etc/evil"), "leads out"),
        (entry("a/../../evil"), "leads out"),
        (entry("C:/evil"), "leads out"),
        (entry("..\\evil"), "leads out"),
        (entry("link", tarfile.SYMTYPE, link="/etc/passwd"), "link or a device"),
        (entry("hard", tarfile.LNKTYPE, link="/etc/passwd"), "link or a device"),
        (entry("pipe", tarfile.FIFOTYPE), "link or a device"),
        (entry("disk", tarfile.BLKTYPE), "link or a device"),
        (entry("ok.bin"), "comes twice"),
        (entry("OK.bin"), "comes twice"),
        (entry("a\nb"), "cannot be stored"),
    ],
    ids=lambda value: value.name if isinstance(value, tarfile.TarInfo) else None,
)
def test_unsafe_tars_are_refused(tmp_path, bad, why):
    archive = tar(tmp_path / "bad.tar.gz", entry("ok.bin"), bad)
    with pytest.raises(RegistryError, match=why):
        unpack(archive, tmp_path / "deep" / "out")
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "deep" / "evil").exists()


def test_bombs_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(100 << 20))
    assert (tmp_path / "bomb.zip").stat().st_size < 200_000
    with pytest.raises(RegistryError, match="grows without end"):
        unpack(tmp_path / "bomb.zip", tmp_path / "out")


def test_links_in_zips_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(RegistryError, match="link or a device"):
        unpack(tmp_path / "link.zip", tmp_path / "out")


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_damaged_archives_are_told(tmp_path, data):
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises(RegistryError, match="cannot be read"):
        unpack(tmp_path / "bad.zip", tmp_path / "out")


def test_child_paths(tmp_path):
    for name in ("a", "b/c", "b/d", "bb"):
        path = tmp_path / "net" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert list(collect([tmp_path / "net"], ["b", "./a"])) == ["net/a", "net/b/c", "net/b/d"]
    with pytest.raises(RegistryError, match=r"child path 'e' does not exist"):
        collect([tmp_path / "net"], ["e"])
    with pytest.raises(RegistryError, match="the model is not one folder"):
        collect([tmp_path / "net" / "a"], ["a"])
