"""Rootless engines: without the right to limit what containers use, and with a socket elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ConfigurationError, TargetUnavailableError
from mlmagic.images import connect
from tests.docker.test_engines import by_ssh
from tests.engine.private import PrivateEngine

if TYPE_CHECKING:
    from tests.docker.conftest import DockerKit
    from tests.engine.fixtures import TestEngine

CONTROLLER = Path("/sys/fs/cgroup/memory")
WITHOUT = f"""#!/bin/sh
exec unshare --mount sh -c 'umount {CONTROLLER} && exec /usr/sbin/dockerd "$@"' dockerd "$@"
"""

pytestmark = pytest.mark.docker


@pytest.mark.skipif(not CONTROLLER.is_dir(), reason="the controllers are not mounted one by one")
def test_memory_that_an_engine_would_not_limit_is_refused(
    kit: DockerKit, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("e")
    (folder / "dockerd").write_text(WITHOUT)
    (folder / "dockerd").chmod(0o755)
    engine = PrivateEngine(folder, programs=folder).start()
    try:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        with pytest.raises(ConfigurationError, match="cannot limit memory to '100Mi'"):
            kit.services.submit(kit.spec(memory="100Mi"))
        assert kit.services.names() == []
    finally:
        engine.stop()


def test_a_socket_that_is_not_there_behind_ssh_is_told(
    docker_engine: TestEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del docker_engine
    with by_ssh(tmp_path, monkeypatch) as address:
        written = address.replace("@", ":secret@")
        monkeypatch.setenv("DOCKER_HOST", f"{written}/run/nowhere.sock")
        with pytest.raises(TargetUnavailableError, match=r"at '/run/nowhere\.sock' of") as caught:
            connect()
    assert f"{address}/run/user/1000/docker.sock" in (caught.value.hint or "")
