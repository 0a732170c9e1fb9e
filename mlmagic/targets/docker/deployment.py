"""What a process of its own does for a deployment: the image, its container, the handing over."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - read at run time
from typing import TYPE_CHECKING

from mlmagic.entities import DockerDeploymentConfig, Reason, ServiceRecord
from mlmagic.environments import Relocking
from mlmagic.environments.runtime import runtime_digest
from mlmagic.errors import ImageError, TargetError, TargetUnavailableError
from mlmagic.files import read_record, write_record
from mlmagic.images.bases import RUNTIME
from mlmagic.images.connecting import engine_faults
from mlmagic.images.engine import Engine
from mlmagic.images.images import Images
from mlmagic.registry import ContentStore
from mlmagic.targets.base import config_of
from mlmagic.targets.docker import containers, labels
from mlmagic.targets.docker.connection import Connection
from mlmagic.targets.docker.fronts import Fronts, RevisionError
from mlmagic.targets.docker.making import Making
from mlmagic.targets.docker.observing import Container, Observation, look, observe, stages
from mlmagic.targets.docker.parts import SECRETS, ServiceParts
from mlmagic.targets.docker.states import failure_in
from mlmagic.targets.jobs import Job
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
# In which one server accepts and another no more, as a rule; and how often that is looked at.
_SETTLE_SECONDS, _SETTLE_LOOK_SECONDS = 5.0, 0.02


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
        self._making = Making(self._parts, self._config)
        self._fronts = Fronts(self._parts, self._config, self._making)

    def carry_out(self) -> None:
        """Do it; what was made on the way to a failure is taken back."""
        looked = time.monotonic()
        with ThreadPoolExecutor() as beside:
            first = beside.submit(self._look_first)
            image = self._image()
            seen, cleared = first.result()
        self._job.enter("start")
        if cleared or time.monotonic() - looked > _FRESH_SECONDS:
            seen = observe(self._parts, host=None)
        try:
            entrance = self._fronts.entrance(seen, image)
            new = self._start(image, entrance, seen)
            self._clear(seen, at_once=False)  # while the server imports: nobody waits for it
            self._await_ready(new)
            self._making.restart_by(new, "no", self._config.restart)
            self._fronts.take_over()
            self._making.tell_serving(new, self._token, self._record.current, seen)
        except BaseException:
            self._making.take_back()
            if self._work.image is None:
                with suppress(Exception):  # a container is made from it, or the engine is away
                    self._client.api.remove_image(image)
            raise
        self._hand_over(new, entrance, seen)

    def _look_first(self) -> tuple[Observation, bool]:
        """Return the service as it is, and whether something was cleared away at once."""
        seen = observe(self._parts, host=None)
        return seen, self._clear(seen, at_once=True)

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
            with images.layers.in_use():
                base = images.base(
                    name,
                    python_version=lock.python_version,
                    engine=engine,
                    architecture=self._client.version()["Arch"],
                    dockerfile=self._config.base_dockerfile,
                    standalone=self._config.standalone_python,
                    on_event=self._say,
                )
                environment = images.environment(lock, base, on_event=self._say)
                self._job.enter("image")
                tag = images.environment_tag(lock, base)
                images.load(environment, engine, tag, on_event=self._say)
                image = images.service(self._spec, base, on_event=self._say)
                tag = f"mlmagic/{self._record.name}:{image.short}"
                images.load(image, engine, tag, on_event=self._say)
        except ImageError as error:
            raise RevisionError(Reason(error.reason), str(error)) from error
        return tag

    def _say(self, line: str) -> None:
        print(line, flush=True)  # noqa: T201 - into the job's log
        self._job.tell(detail=line)

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
            heeds_turns=self._work.image is None or self._is_of_this_runtime(image),
        )
        made = self._making.create(options, is_kept=True)
        self._place_secrets(made)
        if serving is None or labels.unpacked_record(serving.labels).spec.config.auth != "key":
            self._making.place_keys(made)
        try:
            self._client.api.start(made)
        except Exception as error:
            if _NO_DRIVER in str(error):
                message = f"The engine has no driver for '{self._config.gpus}' GPUs."
                raise RevisionError(Reason.INSUFFICIENT_ACCELERATOR, message) from error
            raise
        return made

    def _is_of_this_runtime(self, image: str) -> bool:
        return self._client.images.get(image).labels.get(RUNTIME) == runtime_digest()

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
        while not (now := look(self._parts, made)).prepared:
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
        """Let the one before end, with its requests: the new container has the service.

        The end is told as soon as the one before accepts no more, not once it is gone.
        """
        old = before.serving
        if old is not None:
            self._keep_ended(old)  # not before: after a restart, nobody would have the service
            if old.token != entrance.token:
                self._end(old)  # its requests come through the network of its front
        self._fronts.remove_others(before)
        self._await_accepting(made, old)
        self._job.finish()
        for each in before.revisions:
            if each is old or each.drains:
                self._end(each)  # it is kept for its log

    def _await_accepting(self, made: str, old: Container | None) -> None:
        """Return once the new server accepts connections, and the one before no more."""
        until = time.monotonic() + _SETTLE_SECONDS
        leaving = old.labels[labels.INSTANCE] if old is not None and old.running else None
        while time.monotonic() < until:
            told = stages(self._parts, made)
            gone = leaving is None or told.get(leaving) in ("draining", "failed")
            if gone and told.get(self._token) == "ready":
                return
            time.sleep(_SETTLE_LOOK_SECONDS)
        if old is not None:  # it does not heed us
            self._end(old)

    def _clear(self, seen: Observation, *, at_once: bool) -> bool:
        """Remove what earlier deployments left that do not serve.

        One that drains is left to its requests: it accepts none, and ends by itself.

        Args:
            seen: The service before this deployment.
            at_once: What could be taken for ours: it runs, or is of the same revision; without
                its image, which may be ours. Else the rest, but for what can be gone back to: a
                restart leaves the revision before.

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
            if first is not at_once or seen.serves(container) or container == kept:
                continue
            found = True
            if not at_once:
                self._making.remove(container.id)
            elif container.generation == current:
                self._making.remove_alone(container.id)
            else:
                self._kill(container)  # removed later, with its image where that is not ours
        return found

    def _keep_ended(self, container: Container) -> None:
        """Let the engine not start it again."""
        from docker.errors import NotFound

        with suppress(NotFound):  # removed by somebody else
            self._parts.restart_by(container.id, "no")

    def _kill(self, container: Container) -> None:
        from docker.errors import APIError

        with suppress(APIError):  # gone, or ended
            self._client.api.kill(container.id)

    def _end(self, container: Container) -> None:
        from docker.errors import NotFound

        with suppress(NotFound):
            self._client.api.stop(container.id, timeout=GRACE_SECONDS)
