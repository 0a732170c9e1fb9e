"""The Docker target on the Podman of an ordinary user, without any right of root's."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ConfigurationError
from mlmagic.testing import TargetContract
from tests.docker.test_podman import served
from tests.engine.fixtures import TestEngine, lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docker.conftest import DockerKit

PROGRAMS = ("podman", "newuidmap", "slirp4netns", "useradd")
TUN = Path("/dev/net/tun")

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def docker_engine(docker_engine: TestEngine) -> Iterator[TestEngine]:
    """Podman's service of a user who was just made, with the base image; it is the one meant."""
    if missing := [each for each in PROGRAMS if shutil.which(each) is None]:
        lacking(f"no {', '.join(missing)}: apt install podman uidmap slirp4netns")
    if not TUN.exists():
        lacking(f"a user's containers have no network without {TUN}")
    mode = TUN.stat().st_mode
    TUN.chmod(0o666)  # as udev has it
    user = f"mlmagic{secrets.token_hex(4)}"
    folder = Path(tempfile.mkdtemp(prefix="mlmagic-podman-"))
    subprocess.run(["useradd", "--home-dir", folder, user], check=True, timeout=60)
    run = Path("/run/user") / user  # Podman mounts it into the network namespace only below /run
    run.mkdir(parents=True)
    for each in (folder, run):
        shutil.chown(each, user, user)
    try:
        with served(docker_engine, folder, run, user=user) as found:
            yield found
    finally:
        subprocess.run(["pkill", "-KILL", "-u", user], check=False, timeout=60)
        subprocess.run(["userdel", "--force", user], check=True, timeout=60)
        for each in (folder, run):
            shutil.rmtree(each, ignore_errors=True)
        TUN.chmod(mode)


class TestRootlessPodman:
    """The promises that reach the most of an engine."""

    test_healthy = TargetContract.test_a_service_becomes_healthy_answers_and_is_deleted
    test_an_update_loses_no_request = TargetContract.test_an_update_loses_no_request


@pytest.mark.parametrize("wish", [{"memory": "100Mi"}, {"cpu": 1}])
def test_limits_that_a_user_may_not_set_are_refused(
    kit: DockerKit, wish: dict[str, str | int]
) -> None:
    """Podman takes them, and says in its log alone that it heeds none."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        pytest.skip("control groups of version 2 may be given to users")
    [(name, value)] = wish.items()
    with pytest.raises(ConfigurationError, match=f"cannot limit {name} to '{value}'"):
        kit.services.submit(kit.spec(**wish))
    assert kit.services.names() == []
