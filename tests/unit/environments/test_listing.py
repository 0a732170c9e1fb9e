"""A list of environments while others change them."""

from __future__ import annotations

import threading

from mlmagic.environments import Environments


def test_one_that_goes_meanwhile_is_left_out(tmp_path):
    environments = Environments(tmp_path / ".mlmagic/environments", tmp_path / "cache", tmp_path)
    environments.define("old", "numpy\n", base=tmp_path)
    (file,) = tmp_path.rglob("old.json")
    content, over = file.read_bytes(), threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            file.unlink()
            file.with_suffix(".new").write_bytes(content)
            file.with_suffix(".new").rename(file)

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        counts = {len(environments.list()) for _ in range(500)}
    finally:
        over.set()
        other.join()
    assert counts <= {len(environments.list()), len(environments.list()) - 1}
