"""Bases without Python, which get a standalone build as a layer."""

from __future__ import annotations

import hashlib
import io
import platform
import struct
import tarfile
import traceback
from functools import partial
from http.server import SimpleHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING

import pytest

from mlmagic.entities import DockerDeploymentConfig, KubernetesDeploymentConfig
from mlmagic.errors import ConfigurationError, ImagePullError
from mlmagic.images import Images
from mlmagic.workspace.parts import check_config
from tests.engine.serving import Serving
from tests.images.disk_bases import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlmagic.entities import Lock
    from mlmagic.environments import Environments
    from mlmagic.images import Base
    from mlmagic.testing import ServiceKit

MACHINES = {
    "x86_64": (62, "usr/lib64/ld-linux-x86-64.so.2"),
    "aarch64": (183, "usr/lib/ld-linux-aarch64.so.1"),
}
NUMBER, LOADER = MACHINES[platform.machine()]
OTHER = ({62, 183} - {NUMBER}).pop()


def program(number: int = NUMBER, loader: str = LOADER) -> bytes:
    """Make the head of a program: a 64-bit ELF file whose only segment names its loader."""
    name = f"/{loader}".encode() + b"\0"
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", 3, number, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(name), len(name), 1)
    return ident + header + segment + name


def build(path: Path, version: str, head: bytes, files: Mapping[str, bytes] | None = None) -> str:
    """Write an archive as python-build-standalone lays it out, and return what pins it."""
    content = {
        f"python/bin/python{version}": head,
        f"python/lib/python{version}/os.py": b"name = 'posix'\n",
        f"python/lib/python{version}/__pycache__/os.cpython-3.pyc": b"of other times",
        **(files or {}),
    }
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o755, 12345
            tar.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("python/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, f"python{version}"
        tar.addfile(link)
    return pin(path)


def pin(path: Path) -> str:
    return f"{path}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}"


def empty(folder: Path, kit: ServiceKit, environments: Environments) -> Images:
    """Images on a cache where nothing is yet."""
    return Images(folder, content=kit.content, environments=environments)


@pytest.fixture
def images(tmp_path: Path, kit: ServiceKit, environments: Environments) -> Images:
    """Images on a cache of the test's own, to see what is left in it."""
    return empty(tmp_path / "cache", kit, environments)


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A base with a C library and no Python."""
    return write(tmp_path, "oci", program=LOADER)


def test_the_python_is_a_layer_that_is_the_same_each_time(
    images: Images,
    tmp_path: Path,
    kit: ServiceKit,
    environments: Environments,
    bare: str,
    lock: Lock,
) -> None:
    version = lock.python_version
    pinned = build(tmp_path / "python.tar.gz", version, program())
    base = images.base(bare, python_version=version, standalone=pinned)
    assert base.python == f"/opt/python/bin/python{version}"
    image = images.service(kit.spec(), base)
    python, packages = image.layers[:2]
    with tarfile.open(python.stored) as layer:
        entries = {each.name: each for each in layer}
        assert entries["opt/python/bin/python3"].linkname == f"python{version}"
        assert entries[f"opt/python/bin/python{version}"].mode == 0o755
        assert {(each.uid, each.mtime) for each in layer} == {(0, 315532800)}
    # What came compiled is checked by times that are no more.
    assert f"opt/python/lib/python{version}/os.py" in entries
    assert f"opt/python/lib/python{version}/__pycache__/os.cpython-3.pyc" not in entries
    with tarfile.open(packages.stored) as layer:
        assert layer.getmember("opt/mlmagic/venv/bin/python").linkname == base.python
    assert images.environment(lock, base).diff_ids == image.diff_ids[:4]
    again = empty(tmp_path / "again", kit, environments)
    made = again.base(bare, python_version=version, standalone=pinned)
    assert made.given[0].diff_id == python.diff_id
    assert again.environment_tag(lock, base) != again.environment_tag(lock, plain(base))


def plain(base: Base) -> Base:
    from dataclasses import replace

    return replace(base, given=())


def test_it_comes_from_an_address_once(
    images: Images, tmp_path: Path, bare: str, lock: Lock
) -> None:
    version, asked = lock.python_version, list[str]()
    pinned = build(tmp_path / "python.tar.gz", version, program())
    digest = pinned.partition("#")[2]

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    server = ThreadingTCPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path))
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with Serving(server):
        for _ in range(2):
            place = f"{address}/python.tar.gz#{digest}"
            assert images.base(bare, python_version=version, standalone=place).given
        assert asked == ["/python.tar.gz"]
        with pytest.raises(ImagePullError, match="404"):
            images.base(bare, python_version=version, standalone=f"{address}/no#sha256={64 * '0'}")


SECRETS = ("//ann:5ecret@", "?signature=5ecret&more=5ecret")


def test_what_opens_an_address_is_told_to_nobody(images: Images, tmp_path: Path, bare: str) -> None:
    version, told = "3.11", list[str]()
    build(tmp_path / "python.tar.gz", version, program())

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    def refuse(name: str, address: str, digest: str = f"#sha256={64 * '0'}") -> None:
        place = f"{address.replace('//', SECRETS[0])}/{name}{SECRETS[1]}{digest}"
        with pytest.raises((ConfigurationError, ImagePullError)) as caught:
            images.base(bare, python_version=version, standalone=place, on_event=told.append)
        told.append(str(caught.value))
        told.append("".join(traceback.format_exception(caught.value)))
        assert f"'{address}/{name}" in told[-2]

    server = ThreadingTCPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path))
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with Serving(server):
        refuse("python.tar.gz", address)
        refuse("none", address)
        refuse("python.tar.gz", address, digest="")
    refuse("python.tar.gz", address)  # nobody is there any more
    refuse("some", "gone://place")
    assert "5ecret" not in "\n".join(told)


def test_a_base_that_has_python_takes_no_other(images: Images, tmp_path: Path) -> None:
    reference = write(tmp_path, "oci")
    base = images.base(
        reference, python_version="3.11", standalone=f"{tmp_path}/none#sha256={64 * '0'}"
    )
    assert (base.python, base.given) == ("/usr/local/bin/python3.11", ())


@pytest.mark.parametrize(
    ("make", "says", "way_out"),
    [
        (lambda path: build(path, "3.11", program()).partition("#")[0], "not pinned", "sha256sum"),
        (lambda path: build(path, "3.11", program())[:-64] + 64 * "0", "has the SHA-256", "Down"),
        (lambda path: f"{path}/none#sha256={64 * '0'}", "cannot be read", "Check the address"),
        (lambda path: build(path, "3.12", program()), "is Python 3.12, and", "that version"),
        (lambda path: build(path, "3.11", program(OTHER)), "is for 'linux-", "that platform"),
        (
            lambda path: build(path, "3.11", program(loader="lib/ld-musl-x86_64.so.1")),
            "-musl', and the base image for 'linux-",
            "that platform",
        ),
        (lambda path: build(path, "3.11", b"MZ"), "is for 'another system'", "that platform"),
        (lambda path: build(path, "3.11", program()[:70]), "'another system'", "that platform"),
        (
            lambda path: build(path, "3.11", program(), {"python/../../escape": b""}),
            "cannot be unpacked",
            "Name a .tar",
        ),
        (lambda path: path.write_bytes(b"x" * 900) and pin(path), "cannot be unpacked", "Name a"),
        (
            lambda path: tarfile.open(path, "w").close() or pin(path),
            "has no 'python/bin",
            "install",
        ),
    ],
    ids=[
        *("no digest", "wrong digest", "missing", "version", "processor", "C library", "system"),
        *("cut off", "leads out", "no archive", "no Python"),
    ],
)
def test_what_does_not_fit_is_refused(
    images: Images,
    tmp_path: Path,
    bare: str,
    make: Callable[[Path], str],
    says: str,
    way_out: str,
) -> None:
    pinned = make(tmp_path / "python.tar.gz")
    with pytest.raises((ConfigurationError, ImagePullError), match=says) as caught:
        images.base(bare, python_version="3.11", standalone=pinned)
    assert str(tmp_path / "python.tar.gz") in str(caught.value)
    assert way_out in (caught.value.hint or "")
    assert not [*images.layers.layers.glob("[!.]*"), *images.layers.layers.glob(".*.building-*")]
    assert not (tmp_path / "escape").exists()


def test_a_base_without_a_c_library_is_refused(images: Images, tmp_path: Path) -> None:
    pinned = build(tmp_path / "python.tar.gz", "3.11", program())
    nothing = write(tmp_path, "oci", program="bin/only")
    with pytest.raises(ImagePullError, match="has no C library"):
        images.base(nothing, python_version="3.11", standalone=pinned)


def test_a_deployment_is_told_at_once_and_finds_it_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="is not pinned"):
        check_config(DockerDeploymentConfig(standalone_python="python.tar"))
    monkeypatch.chdir(tmp_path)
    digest = 64 * "a"
    for kind in (DockerDeploymentConfig, KubernetesDeploymentConfig):
        checked = check_config(kind(standalone_python=f"python.tar#sha256={digest}"))
        assert checked == kind(standalone_python=f"{tmp_path}/python.tar#sha256={digest}")
