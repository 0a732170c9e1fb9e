"""The cache of layers: made once, and never half."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ImageBuildError
from mlmagic.images import Images
from mlmagic.images.housekeeping import prune_images
from mlmagic.images.layers import LayerStore
from mlmagic.registry import ContentStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Makes the layer 'key' of the folder in argv; what stands for BODY says how.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from mlmagic.images.layers import LayerStore

root = Path(sys.argv[1])

def make(work):
    with (root / "made").open("a") as file:
        file.write("once\\n")
    (work / "half").write_bytes(b"x" * 1000)
    yield b"first "
    BODY
    yield b"second"

print(LayerStore(root).stored("key", "a layer", make).diff_id)
"""


def start(root: Path, body: str) -> subprocess.Popen[str]:
    root.mkdir(exist_ok=True)
    command = [sys.executable, "-c", PROGRAM.replace("BODY", body), str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return said.strip()


def leftovers(root: Path) -> list[str]:
    return [path.name for path in (root / "layers").iterdir() if ".building-" in path.name]


def test_a_build_that_was_killed_leaves_no_layer_and_the_next_tidies_up(tmp_path: Path) -> None:
    root = tmp_path / "images"
    killed = start(root, "os.kill(os.getpid(), signal.SIGKILL)")
    killed.communicate(timeout=120)
    assert killed.returncode == -9
    assert not (root / "layers" / "key").exists()
    assert len(leftovers(root)) == 1

    layer = LayerStore(root).stored("key", "a layer", lambda _work: [b"first ", b"second"])
    assert b"".join(layer.stream()) == b"first second"
    assert leftovers(root) == []


def test_a_layer_that_two_processes_want_is_made_once(tmp_path: Path) -> None:
    root = tmp_path / "images"
    # The first waits until the second has come to the lock, which nobody can see; it may be later.
    first = start(root, "time.sleep(0.5)")
    second = start(root, "pass")
    assert finish(first) == finish(second)
    assert (root / "made").read_text() == "once\n"


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(command, check=False, timeout=30).returncode:
        pytest.skip("a file system of the test's own needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True, timeout=30)


def test_a_full_disk_is_told_and_nothing_half_made_stays(tmp_path: Path) -> None:
    def large(_work: Path) -> Iterable[bytes]:
        return (bytes(1 << 16) for _ in range(64))

    with small_disk(tmp_path / "disk"):
        store = LayerStore(tmp_path / "disk")
        with pytest.raises(ImageBuildError, match="disk is full"):
            store.stored("key", "a layer", large)
        assert not (store.layers / "key").exists()
        assert leftovers(store.root) == []
        assert store.stored("key", "a layer", lambda _work: [b"small"]).size == len(b"small")


def test_nobody_prunes_while_an_image_is_made_of_layers(tmp_path: Path) -> None:
    images = Images(tmp_path, content=ContentStore(tmp_path / "content"))
    images.layers.stored("key", "a layer", lambda _work: [b"something"])
    place = images.layers.layers / "key"
    with images.layers.in_use():
        told = prune_images(images, None, used=())
        assert (told.removed, told.kept) == ((), ("layers",))
    with images.layers.in_use(), images.layers.in_use():  # as many as like
        assert place.is_dir()
    assert prune_images(images, None, used=()).removed == ("key",)
    assert not place.exists()
