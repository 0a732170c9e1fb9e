"""What a process of its own does for a deployment: the image, its container, the handing over."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - read at run time
from typing import TYPE_CHECKING, Any

from mlmagic.entities import DockerDeploymentConfig, Reason, ServiceRecord
from mlmagic.environments import Relocking
from mlmagic.errors import ImageError, TargetError, TargetUnavailableError
from mlmagic.files import read_record, write_record
from mlmagic.images.connecting import engine_faults
from mlmagic.images.engine import Engine
from mlmagic.images.images import Images
from mlmagic.registry import ContentStore
from mlmagic.targets.base import config_of
from mlmagic.targets.docker import containers, labels
from mlmagic.targets.docker.connection import Connection
from mlmagic.targets.docker.observing import Container, Observation, look, observe
from mlmagic.targets.docker.parts import FRONTS, KEYS, SECRETS, STATE, ServiceParts
from mlmagic.targets.docker.states import failure_in, is_port_taken
from mlmagic.targets.jobs import Job
from mlmagic.targets.keys import random_key
from mlmagic.targets.placing import ServiceFolder
from mlmagic.targets.processes import python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from mlmagic.targets.docker.containers import Entrance

GRACE_SECONDS = 35
_WORK = "work.json"
_NO_DRIVER = "could not select device driver"  # what engines without one for GPUs say
# A look at a container takes the engine some 60 ms of a processor that the start needs.
_LOOK_SECONDS, _LONGEST_SECONDS = 0.1, 1.0
_FRESH_SECONDS = 1.0  # for how long what was seen holds, where nothing was changed
# In which a server that is told to end accepts no more, as a rule; and how often that is looked at.
_SETTLE_SECONDS, _SETTLE_LOOK_SECONDS = 5.0, 0.02
# Below the range that systems take ports of outgoing connections from.
_FREE_PORTS = range(20_000, 32_768)
_TRIES = 50


class RevisionError(TargetError):
    """A revision did not come up."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Work:
    """What there is to do.

    Attributes:
        record: The service; its current revision is brought up.
        owner: The workspace that the service belongs to on the engine.
        content: Folder of the content store.
        cache: Folder of the user's cache.
        environments: Folder of the workspace's environments, to lock for another Python.
        workspace: The workspace.
        base_image: What images are built on, where a configuration does not say.
        image: What the engine has of the specification, where its files are not here.
        start_timeout_seconds: How long start, ``init()`` and sample may take.
    """

    record: ServiceRecord
    owner: str
    content: Path
    cache: Path
    environments: Path
    workspace: Path
    base_image: str | None
    image: str | None
    start_timeout_seconds: float


def command(folder: Path, work: Work) -> Sequence[str]:
    """Write down what there is to do; returns the command line that does it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder / _WORK, work, mode=0o600)
    return python("-m", "mlmagic.targets.docker", str(folder))


def run(folder: Path) -> int:
    """Do what was written down; returns the exit code."""
    work = read_record(folder / _WORK, Work)
    return Job(folder).carry_out(lambda job: _carry_out(job, work))


def _carry_out(job: Job, work: Work) -> None:
    connection = Connection()
    try:
        with engine_faults(TargetError, "The engine refused"):
            Deployment(job, work, connection.client).carry_out()
    except TargetUnavailableError as error:
        error.reason = Reason.TARGET_UNAVAILABLE  # type: ignore[attr-defined]
        raise
    finally:
        connection.close()


class Deployment:
    """Brings up one revision beside the one that serves, and hands over.

    Args:
        job: Where it tells how it goes.
        work: What there is to do.
        client: The engine's.
    """

    def __init__(self, job: Job, work: Work, client: DockerClient) -> None:
        self._job = job
        self._work = work
        self._client = client
        self._record = work.record
        self._spec = work.record.spec
        self._config = config_of(self._spec, DockerDeploymentConfig)
        self._parts = ServiceParts(client, work.record.name, work.owner)
        self._token = containers.new_token()
        self._undo: list[tuple[Any, ...]] = []

    def carry_out(self) -> None:
        """Do it; what was made on the way to a failure is taken back."""
        looked, seen = time.monotonic(), observe(self._parts, host=None)
        cleared = self._clear(seen, at_once=True)
        image = self._image()
        self._job.enter("start")
        if cleared or time.monotonic() - looked > _FRESH_SECONDS:
            seen = observe(self._parts, host=None)
        try:
            entrance = self._entrance(seen, image)
            new = self._start(image, entrance, seen)
            self._clear(seen, at_once=False)  # while the server imports: nobody waits for it
            self._await_ready(new)
        except BaseException:
            self._take_back()
            raise
        self._hand_over(new, entrance, seen)

    # The image

    def _image(self) -> str:
        """Give the engine the revision's image; returns its name."""
        work, lock = self._work, self._spec.lock
        if work.image is not None:
            return work.image
        engine = Engine(self._client)
        environments = Relocking(work.environments, work.cache, work.workspace)
        images = Images(work.cache, content=ContentStore(work.content), environments=environments)
        name = self._config.base_image or work.base_image
        try:
            base = images.base(
                name,
                python_version=lock.python_version,
                engine=engine,
                dockerfile=self._config.base_dockerfile,
                standalone=self._config.standalone_python,
                on_event=self._say,
            )
            environment = images.environment(lock, base, on_event=self._say)
            self._job.enter("image")
            engine.load(environment, images.environment_tag(lock, base), on_event=self._say)
            image = images.service(self._spec, base, on_event=self._say)
            tag = f"mlmagic/{self._record.name}:{image.short}"
            engine.load(image, tag, on_event=self._say)
        except ImageError as error:
            raise RevisionError(Reason(error.reason), str(error)) from error
        return tag

    def _say(self, line: str) -> None:
        print(line, flush=True)  # noqa: T201 - into the job's log
        self._job.tell(detail=line)

    # The front

    def _entrance(self, seen: Observation, image: str) -> Entrance:
        """Return where the revision shall listen; there is a front that does."""
        serving = seen.serving
        front = seen.front_of(serving) or (seen.fronts[-1] if seen.fronts else None)
        if front is not None and self._fits(front):
            if not front.running:
                self._client.api.start(front.id)
            return _entrance_of(front)
        if front is None and serving is not None and self._config.port is None:
            return self._open(image, _entrance_of(serving).token, [_entrance_of(serving).port])
        port = self._config.port
        if front is not None and port == int(front.labels[labels.PORT]):
            # Only one can have the port. Servers follow from the old front to the new one.
            self._parts.remove_container({"Id": front.id, "Config": {"Labels": {}}})
            return self._open(image, front.token, [port])
        if front is not None and front.name == containers.front_name(
            self._config, self._record.name
        ):
            self._client.api.rename(front.id, f"{front.name}-{front.token}")
            self._undo.append(("rename", front.id, front.name))
        return self._open(image, containers.new_token(), [port] if port else some_ports())

    def _fits(self, front: Container) -> bool:
        same = front.labels[labels.SHAPE] == containers.shape(self._config, self._record.name)
        return same and self._config.port in (None, int(front.labels[labels.PORT]))

    def _open(self, image: str, token: str, ports: list[int]) -> Entrance:
        """Start a front on the first of some ports that is free."""
        for port in ports:
            entrance = containers.Entrance(token=token, address=self._config.address, port=port)
            options = containers.front_options(self._parts, self._config, image, entrance)
            made = self._create(options)
            self._parts.write(made, {FRONTS: None, STATE: None, SECRETS: None})
            self._place_keys(made)
            try:
                self._client.api.start(made)
            except Exception as error:
                # Without its image: the next one needs it.
                self._parts.remove_container({"Id": made, "Config": {"Labels": {}}})
                self._undo.remove(("remove", made))
                if not is_port_taken(str(error)):
                    raise
            else:
                return entrance
        shown = f"Port '{ports[0]}' of the engine's host is" if len(ports) == 1 else "All ports are"
        raise RevisionError(Reason.PORT_IN_USE, f"{shown} in use.")

    # The revision

    def _start(self, image: str, entrance: Entrance, seen: Observation) -> str:
        serving = seen.serving
        options = containers.revision_options(
            self._parts,
            self._record,
            self._config,
            image=image,
            entrance=entrance,
            token=self._token,
            beside=serving is not None and serving.ready,
        )
        made = self._create(options)
        self._undo[-1] = ("stop", made)  # it stays, to be looked into
        self._place_secrets(made)
        if serving is None or labels.unpacked_record(serving.labels).spec.config.auth != "key":
            self._place_keys(made)
        try:
            self._client.api.start(made)
        except Exception as error:
            if _NO_DRIVER in str(error):
                message = f"The engine has no driver for '{self._config.gpus}' GPUs."
                raise RevisionError(Reason.INSUFFICIENT_ACCELERATOR, message) from error
            raise
        return made

    def _place_keys(self, made: str) -> None:
        """Make the service's keys, where it needs some and has none."""
        if self._config.auth == "key" and not self._parts.read(made, KEYS):
            keys = {"primary": random_key(), "secondary": random_key()}
            self._parts.write(made, {KEYS: json.dumps(keys).encode()})

    def _place_secrets(self, made: str) -> None:
        source = ServiceFolder(self._job.folder).revision(self._record.current).secrets
        if not self._spec.secrets or not source.exists():
            return  # the volume has those of a revision that was deployed from elsewhere
        folder = f"{SECRETS}/{self._record.current}"
        files: dict[str, bytes | None] = {folder: None}
        for name in self._spec.secrets:
            files[f"{folder}/{name}"] = (source / name).read_bytes()
        self._parts.write(made, files)

    def _await_ready(self, made: str) -> None:
        """Wait for a container that has been started.

        Raises:
            RevisionError: It will not be ready.
        """
        until = time.monotonic() + self._work.start_timeout_seconds
        wrote, told = self._follow(made), "start"
        while not (now := look(self._parts, made)).ready:
            if now.stage != told:
                self._job.enter(told := now.stage)
            if now.state in ("exited", "dead"):
                failure = failure_in(now)
                raise RevisionError(Reason(failure.reason), failure.message)
            if time.monotonic() > until:
                self._client.api.kill(made)
                message = f"The stage '{now.stage}' did not end within "
                message += f"{self._work.start_timeout_seconds:g} s of the start."
                raise RevisionError(Reason.INIT_TIMEOUT, message)
            time.sleep(_LOOK_SECONDS)
            wrote.wait(_LONGEST_SECONDS)
            wrote.clear()

    def _follow(self, made: str) -> threading.Event:
        """Return what is set when a container writes, as it does once it is ready, or ends."""
        wrote = threading.Event()

        def read() -> None:
            with suppress(Exception):  # the engine may be gone: whoever looks will say so
                for _ in self._client.api.logs(made, stream=True, follow=True):
                    wrote.set()
            wrote.set()

        threading.Thread(target=read, name="mlmagic-container-log", daemon=True).start()
        return wrote

    def _hand_over(self, made: str, entrance: Entrance, before: Observation) -> None:
        """Let the new container have the service; the one before lets its requests end.

        The end is told as soon as the one before accepts no more, not once it is gone.
        """
        self._parts.tell_serving(made, self._token, self._record.current)
        old = before.serving
        if old is not None:
            self._ask_to_end(old)
        self._parts.restart_by(made, self._config.restart)
        if others := [front for front in before.fronts if front.token != entrance.token]:
            if old is not None:
                self._retire(old)  # its requests come through the network of its front
            for front in others:
                self._remove(front.id)
        elif old is not None:
            self._await_settled(old)
        self._job.finish()
        for each in before.revisions:
            if each is old or each.drains:
                self._end(each)  # it is kept for its log

    def _ask_to_end(self, container: Container) -> None:
        """Let a server drain; it ends by itself, also where this process dies meanwhile."""
        from docker.errors import APIError

        with suppress(APIError):  # gone, or ended
            self._parts.restart_by(container.id, "no")
            self._client.api.kill(container.id, signal.SIGTERM)

    def _await_settled(self, container: Container) -> None:
        """Return once a server that was asked to end accepts no more connections."""
        from docker.errors import NotFound

        until = time.monotonic() + _SETTLE_SECONDS
        with suppress(NotFound):  # gone
            while (now := look(self._parts, container.id)).running and not now.drains:
                if time.monotonic() > until:  # it does not listen to us
                    self._retire(container)
                    return
                time.sleep(_SETTLE_LOOK_SECONDS)

    def _clear(self, seen: Observation, *, at_once: bool) -> bool:
        """Remove what earlier deployments left that do not serve.

        One that drains is left to its requests: it accepts none, and ends by itself.

        Args:
            seen: The service before this deployment.
            at_once: What could be taken for ours: it runs, or is of the same revision. Else the
                rest, but for what can be gone back to: a restart leaves the revision before.

        Returns:
            Whether there was something.
        """
        found = False
        current = self._record.current
        earlier = [r.generation for r in self._record.revisions if r.generation < current]
        restart = seen.serving_generation == current
        kept = seen.newest(earlier[-1]) if earlier and restart and not at_once else None
        for container in seen.revisions:
            if container.drains:
                continue
            ended = container.state in ("created", "exited", "dead")
            first = not ended or container.generation == current
            if first is at_once and not seen.serves(container) and container != kept:
                if container.ready and seen.serving is not None:
                    self._retire(container)
                self._remove(container.id)
                found = True
        return found

    def _retire(self, container: Container) -> None:
        from docker.errors import NotFound

        with suppress(NotFound):  # removed by somebody else
            self._parts.restart_by(container.id, "no")
        self._end(container)

    def _end(self, container: Container) -> None:
        from docker.errors import NotFound

        with suppress(NotFound):
            self._client.api.stop(container.id, timeout=GRACE_SECONDS)

    # The engine

    def _create(self, options: dict[str, Any]) -> str:
        made = self._client.containers.create(**options).id
        assert made is not None  # noqa: S101 - the engine names what it makes
        self._undo.append(("remove", made))
        for network in self._config.networks[1:]:
            self._client.api.connect_container_to_network(made, network)
        return made

    def _remove(self, container: str) -> None:
        from docker.errors import NotFound

        with suppress(NotFound):
            self._parts.remove_container(self._client.api.inspect_container(container))

    def _take_back(self) -> None:
        for what, container, *rest in reversed(self._undo):
            with suppress(Exception):  # the engine may be what failed
                if what == "remove":
                    self._remove(container)
                elif what == "stop":
                    self._client.api.stop(container, timeout=1)
                else:
                    self._client.api.rename(container, *rest)


def _entrance_of(container: Container) -> Entrance:
    return containers.Entrance(
        token=container.token,
        address=container.labels[labels.ADDRESS],
        port=int(container.labels[labels.PORT]),
    )


def some_ports() -> list[int]:
    """Return ports to try, by chance."""
    return random.sample(_FREE_PORTS, _TRIES)
