"""The parts of a service on an engine: its front, its revisions' containers, its volume.

The volume, at ``/run/mlmagic`` in all of them::

    keys.json              the keys; the server reads them again when they change
    fronts/TOKEN           Unix socket that a front hands its listening socket out on
    state/INSTANCE.json    what the server in a container tells of itself
    state/serving.json     which container has the service; the servers heed it
    secrets/GENERATION/    one file for each secret
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mlmagic.images.places import USER
from mlmagic.targets.docker import labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import DockerClient

ROOM = "/run/mlmagic"
KEYS, FRONTS, STATE, SECRETS, SERVING = "keys.json", "fronts", "state", "secrets", "serving.json"
_READS = 5
# So Docker begins, in many ways, of a container whose process has just ended.
_ENDING = "cannot update container"
_ENDING_SECONDS, _ENDING_LOOK_SECONDS = 10.0, 0.05
_USER, _GROUP = (int(part) for part in USER.split(":"))


@dataclass(frozen=True)
class ServiceParts:
    """Finds, reads and removes what an engine has of one service.

    Attributes:
        client: The engine's.
        name: The service.
        owner: The workspace that it belongs to.
    """

    client: DockerClient = field(repr=False)
    name: str
    owner: str

    @property
    def volume(self) -> str:
        """Name of the volume."""
        return f"mlmagic-{self.name}-{self.owner[:8]}"

    @property
    def wanted(self) -> list[str]:
        """The labels by which the engine finds them."""
        return [f"{labels.SERVICE}={self.name}", f"{labels.OWNER}={self.owner}"]

    def containers(self) -> list[dict[str, Any]]:
        """Return what the engine tells of each container, in the order they were made."""
        from docker.errors import NotFound

        found = []
        for each in self.client.api.containers(all=True, filters={"label": self.wanted}):
            with suppress(NotFound):  # removed meanwhile
                found.append(self.client.api.inspect_container(each["Id"]))
        return sorted(found, key=lambda container: str(container["Created"]))

    def read(self, container: str, path: str) -> dict[str, bytes]:
        """Read a file, or the files of a folder, of the volume; it may not run.

        Returns:
            Names to contents; empty where there is nothing, or the container is being removed.
        """
        for _ in range(_READS):
            with suppress(tarfile.ReadError):  # written at that very moment
                return _files(self._archive(container, path))
        return {}

    def _archive(self, container: str, path: str) -> bytes | None:
        from docker.errors import APIError

        try:
            chunks, _ = self.client.api.get_archive(container, f"{ROOM}/{path}")
            return b"".join(chunks)
        except APIError as error:
            if "/ns/mnt" in str(error.explanation):  # Podman, where it ends at that very moment
                raise tarfile.ReadError from error
            if error.status_code != HTTPStatus.NOT_FOUND and not self._is_going(container):
                raise
            return None

    def _is_going(self, container: str) -> bool:
        """Whether a container is being removed, or was; the engine then fails in many words."""
        from docker.errors import NotFound

        try:
            return bool(self.client.api.inspect_container(container)["State"]["Dead"])
        except NotFound:
            return True

    def write(self, container: str, files: Mapping[str, bytes | None]) -> None:
        """Write files of the volume that only the service may read; None makes a folder."""
        buffer, now = io.BytesIO(), time.time()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                entry.uid, entry.gid = _USER, _GROUP
                entry.mtime = now  # by which the server sees that its keys have changed
                if content is None:
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o700
                    tar.addfile(entry)
                    continue
                entry.mode, entry.size = 0o400, len(content)
                tar.addfile(entry, io.BytesIO(content))
        self.client.api.put_archive(container, ROOM, buffer.getvalue())

    def tell_serving(self, container: str, instance: str, generation: int) -> None:
        """Write down which container has the service."""
        content = json.dumps({"instance": instance, "generation": generation}).encode()
        self.write(container, {f"{STATE}/{SERVING}": content})

    def restart_by(self, container: str, policy: str) -> None:
        """Change a container's restart policy; Podman 4.3 cannot, and leaves it."""
        from docker.errors import APIError, NotFound

        wanted: Any = {"Name": policy}  # the stubs know two of the four
        until = time.monotonic() + _ENDING_SECONDS
        while True:
            try:
                self.client.api.update_container(container, restart_policy=wanted)
            except APIError as error:
                # The engine has not noted yet that it has ended, and takes the change back.
                if _ENDING in str(error.explanation).lower() and time.monotonic() < until:
                    time.sleep(_ENDING_LOOK_SECONDS)
                    continue
                if not isinstance(error, NotFound):
                    raise
                self.client.api.inspect_container(container)  # which is not found where it is gone
            return

    def remove_container(self, container: Mapping[str, Any]) -> None:
        """Remove a container, and its image where nothing else needs it."""
        from docker.errors import APIError, NotFound

        with suppress(NotFound):
            try:
                self.client.api.remove_container(container["Id"], force=True)
            except APIError as error:
                if "already in progress" not in str(error.explanation):
                    raise
                self.client.api.wait(container["Id"], condition="removed")  # somebody else does it
        part = part_of(container)
        image = container["Config"].get("Image", "").removeprefix("docker.io/")  # Podman's
        # A front holds the image of the revision that it was made with, also once that has gone.
        first = part == labels.FRONT and image.startswith(f"mlmagic/{self.name}:")
        if part == labels.REVISION or first:
            with suppress(APIError):  # used by others, or gone
                self.client.api.remove_image(image)

    def remove(self, *, grace_seconds: int) -> None:
        """Remove all of the service: it lets requests end, and leaves nothing."""
        from docker.errors import NotFound

        found = self.containers()
        for container in reversed(found):
            if container["State"]["Running"]:
                with suppress(NotFound):
                    self.client.api.stop(container["Id"], timeout=grace_seconds)
        for container in found:
            self.remove_container(container)
        with suppress(NotFound):
            self.client.api.remove_volume(self.volume)


def part_of(container: Mapping[str, Any]) -> str:
    """Say which part of a service a container is."""
    return str(container["Config"]["Labels"].get(labels.PART, ""))


def _files(archive: bytes | None) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    if archive is None:
        return files
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            if member.isfile() and (content := tar.extractfile(member)) is not None:
                files[member.name.rpartition("/")[2]] = content.read()
    return files
