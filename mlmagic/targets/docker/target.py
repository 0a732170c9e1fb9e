"""Services as containers of a Docker engine."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmagic.entities import DockerDeploymentConfig, Reason, ServiceState
from mlmagic.errors import (
    ModelIntegrityError,
    ServiceNotFoundError,
    ServiceUnavailableError,
    TargetError,
    TargetUnavailableError,
    did_you_mean,
)
from mlmagic.targets.base import Keys, Target, config_of
from mlmagic.targets.docker import deployment, events, labels, states
from mlmagic.targets.docker.checking import check
from mlmagic.targets.docker.connection import Connection
from mlmagic.targets.docker.observing import Observation, observe
from mlmagic.targets.docker.parts import KEYS, SECRETS, ServiceParts
from mlmagic.targets.jobs import Job
from mlmagic.targets.placing import ServiceFolder, place_secrets
from mlmagic.targets.states import plain_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlmagic.entities import DeploymentSpec, ServiceEvent, ServiceRecord, ServiceStatus
    from mlmagic.environments import Environments
    from mlmagic.registry import ContentStore
    from mlmagic.targets.docker.observing import Container

_START_TIMEOUT_SECONDS = 600.0
_SOON_SECONDS = 0.25  # each look takes the engine some 60 ms of a processor
# While a deployment's own steps tell how it goes, its processor time is not spent on looks.
_RECENT_SECONDS = 2.0


class DockerTarget(Target):
    """Runs services as containers of the engine of ``DOCKER_HOST`` or of the current context.

    Args:
        directory: Folder of the services; each has one of its name in it.
        content: Where files are taken from.
        environments: Where environments are locked and cached.
        base_image: What images are built on, where a configuration does not say; None takes
            the official image of Python.
        start_timeout_seconds: How long start, ``init()`` and sample may take.
    """

    name = "docker"
    compute_type = "docker"

    def __init__(
        self,
        directory: Path,
        *,
        content: ContentStore,
        environments: Environments,
        base_image: str | None = None,
        start_timeout_seconds: float = _START_TIMEOUT_SECONDS,
    ) -> None:
        self._directory = directory
        self._content = content
        self._environments = environments
        self._base_image = base_image
        self._start_timeout_seconds = start_timeout_seconds
        self._connection = Connection()
        self._events = events.Events(lambda: Connection().client)
        self._moving: set[str] = set()
        self._recent: dict[str, tuple[float, Observation]] = {}
        self._seen = threading.local()  # by service: what its job told when this thread looked

    def check(self, spec: DeploymentSpec, *, record: ServiceRecord | None) -> ServiceStatus | None:
        """See `Target.check`; a name or port that the service itself holds is free to it."""
        config = config_of(spec, DockerDeploymentConfig)
        owner = self._owner(record) if record is not None else labels.owner_of(self._directory)
        with self._faults():
            parts = ServiceParts(self._connection.client, spec.name, owner)
            return check(parts, config, host=self._connection.host)

    def create(self, record: ServiceRecord, *, secrets: Mapping[str, bytes]) -> None:
        """See `Target.create`; a process that outlives us makes image and containers."""
        self._place_secrets(record, secrets)
        self._submit(record)

    def update(self, record: ServiceRecord, *, secrets: Mapping[str, bytes]) -> None:
        """See `Target.update`."""
        self._place_secrets(record, secrets)
        self._submit(record)

    def status(self, record: ServiceRecord) -> ServiceStatus:
        """See `Target.status`."""
        job = vars(self._seen)[record.name] = self._job(record).state()
        try:
            seen = self._glance(record) if job and job.is_running else self._observe(record)
            status = states.status_of(record, seen, job)
        except TargetUnavailableError as error:
            return plain_status(
                ServiceState.UNHEALTHY, Reason.TARGET_UNAVAILABLE, error.message.rstrip(".")
            )
        if status.state is ServiceState.TRANSITIONING:
            self._moving.add(record.name)
        else:
            self._moving.discard(record.name)
        return status

    def wait_for_change(self, record: ServiceRecord, seconds: float) -> None:
        """See `Target.wait_for_change`: a deployment tells, else the engine.

        Nobody tells of the stages of a container that was started by itself.
        """
        job = self._job(record)
        now = job.state()
        if record.name in self._moving and (now is None or now.is_over):
            seconds = min(seconds, _SOON_SECONDS)
        busy = now is not None and now.is_running
        watched = events.NoEvents() if busy else self._events
        job.wait_for_change(vars(self._seen).get(record.name, now), watched, seconds)

    def find(self, name: str, *, label: str | None = None) -> ServiceRecord:
        """See `Target.find`: the record lies in the labels of the service's container."""
        from mlmagic.targets.docker.finding import find, names

        with self._faults():
            found = find(self._connection.client, name, label)
            if found is None:
                where = f" in a container '{label}'" if label is not None else ""
                raise ServiceNotFoundError(
                    f"The engine has no service '{name}'{where}.",
                    hint=did_you_mean(name, names(self._connection.client)),
                )
        return found

    def failure(self, record: ServiceRecord) -> ServiceStatus | None:
        """See `Target.failure`; a deployment tells its own without the engine."""
        job = self._job(record).state()
        try:
            seen = self._observe(record)
        except TargetUnavailableError:
            if job is None or job.failure is None:
                raise
            seen = Observation()
        return states.failure_of(record, seen, job)

    def serving(self, record: ServiceRecord) -> int:
        """See `Target.serving`."""
        return self._observe(record).serving_generation

    def logs(self, record: ServiceRecord, lines: int) -> list[str]:
        """See `Target.logs`: of all revisions that are still there, by time.

        Where a deployment came to no container, its own lines tell why, at the time of its end.
        """
        found: list[str] = []
        job = self._job(record)
        with self._faults():
            made = self._parts(record).containers()
            for container in made:
                if container["Config"]["Labels"][labels.PART] == labels.REVISION:
                    text = self._connection.client.api.logs(
                        container["Id"], timestamps=True, tail=lines
                    )
                    found += text.decode(errors="replace").splitlines()
        if not found:
            return job.log_lines(lines)
        state = job.state()
        generations = {each["Config"]["Labels"].get(labels.GENERATION) for each in made}
        if state and state.failure and str(state.generation) not in generations:
            mark = f"{job.told_at.isoformat()} deployment of revision {state.generation}: "
            told = [*job.log_lines(lines), *state.failure.message.splitlines()]
            found += [mark + line for line in told]
        found.sort(key=lambda line: line.partition(" ")[0])
        return [line.partition(" ")[2] for line in found[-lines:]]

    def events(self, record: ServiceRecord) -> list[ServiceEvent]:
        """See `Target.events`: what the engine still knows, and how a deployment failed."""
        with self._faults():
            wanted = self._parts(record).wanted
            told = [*events.told(self._connection.client, wanted, since=record.created_at)]
        return [*told, *self._job(record).events()]

    def base_uri(self, record: ServiceRecord) -> str | None:
        """See `Target.base_uri`."""
        return self._observe(record).base_uri

    def keys(self, record: ServiceRecord) -> Keys | None:
        """See `Target.keys`."""
        if record.spec.config.auth == "none":
            return None
        with self._faults():
            parts = self._parts(record)
            found = parts.containers()
            files = parts.read(found[0]["Id"], KEYS) if found else {}
        if KEYS not in files:
            raise ServiceUnavailableError(
                f"Service '{record.name}' has no keys yet: they are made with its container.",
                hint="Wait until it is Healthy.",
            )
        content = json.loads(files[KEYS])
        return Keys(primary=content["primary"], secondary=content["secondary"])

    def set_keys(self, record: ServiceRecord, keys: Keys) -> None:
        """See `Target.set_keys`; the server reads the file again when it changes."""
        content = {"primary": keys.primary, "secondary": keys.secondary}
        with self._faults():
            parts = self._parts(record)
            parts.write(parts.containers()[0]["Id"], {KEYS: json.dumps(content).encode()})

    def start(self, record: ServiceRecord) -> None:
        """See `Target.start`; what was removed is made again."""
        seen = self._observe(record)
        serving = seen.serving
        front = seen.front_of(serving)
        if serving is None or front is None or serving.generation != record.current:
            self._submit(record)
            return
        for container in (front, serving):
            self._wake(record, container)
        self._moving.add(record.name)

    def stop(self, record: ServiceRecord) -> None:
        """See `Target.stop`: the revision lets its requests end, then nothing listens.

        Nor after a restart of the engine, whatever the policy.
        """
        self._job(record).cancel()
        seen = self._observe(record)
        with self._faults():
            for container in (*seen.revisions, *seen.fronts):
                self._parts(record).restart_by(container.id, "no")
                if container.state not in ("exited", "created"):
                    self._connection.client.api.stop(container.id, timeout=deployment.GRACE_SECONDS)

    def restart(self, record: ServiceRecord) -> None:
        """See `Target.restart`: another container of the revision, then the old one ends."""
        self._submit(record)

    def forget(self, record: ServiceRecord, generation: int) -> None:
        """See `Target.forget`."""
        shutil.rmtree(self._folder(record.name).revision(generation).path, ignore_errors=True)
        with self._faults():
            parts = self._parts(record)
            for container in parts.containers():
                if container["Config"]["Labels"].get(labels.GENERATION) == str(generation):
                    parts.remove_container(container)

    def delete(self, record: ServiceRecord) -> None:
        """See `Target.delete`."""
        self._remove(record.name, self._owner(record))

    def discard(self, name: str) -> None:
        """See `Target.discard`; a service that was never here needs no engine."""
        if Job(self._folder(name).path).state() is not None:
            self._remove(name, labels.owner_of(self._directory))

    def close(self) -> None:
        """Close the connections to the engine."""
        self._events.close()
        self._connection.close()

    # How

    def _folder(self, name: str) -> ServiceFolder:
        return ServiceFolder(self._directory / name)

    def _job(self, record: ServiceRecord) -> Job:
        return Job(self._folder(record.name).path)

    def _owner(self, record: ServiceRecord) -> str:
        return str(record.facts.get("owner") or labels.owner_of(self._directory))

    def _parts(self, record: ServiceRecord) -> ServiceParts:
        return ServiceParts(self._connection.client, record.name, self._owner(record))

    def _observe(self, record: ServiceRecord) -> Observation:
        with self._faults():
            return observe(self._parts(record), host=self._connection.host)

    def _glance(self, record: ServiceRecord) -> Observation:
        """Return what was seen a moment ago, or look."""
        known = self._recent.get(record.name)
        if known is None or time.monotonic() - known[0] > _RECENT_SECONDS:
            known = (time.monotonic(), self._observe(record))
            self._recent[record.name] = known
        return known[1]

    def _place_secrets(self, record: ServiceRecord, secrets: Mapping[str, bytes]) -> None:
        folder = self._folder(record.name)
        shutil.rmtree(folder.revision(record.current).path, ignore_errors=True)
        known = self._known_secrets(record) if "owner" in record.facts else {}
        place_secrets(folder, record.current, record.spec, {**known, **secrets})

    def _known_secrets(self, record: ServiceRecord) -> dict[str, bytes]:
        """Return the secrets that the volume has of revisions deployed from elsewhere."""
        if not record.spec.secrets:
            return {}
        found: list[tuple[str, bytes]] = []
        with self._faults():
            parts = self._parts(record)
            for container in parts.containers()[:1]:
                for revision in record.revisions:
                    files = parts.read(container["Id"], f"{SECRETS}/{revision.generation}")
                    found += files.items()
        wanted = record.spec.secrets
        return {k: v for k, v in found if hashlib.sha256(v).hexdigest() == wanted.get(k)}

    def _submit(self, record: ServiceRecord) -> None:
        """Let a process of its own bring the current revision up."""
        image = self._image_for(record)
        work = deployment.Work(
            record=record,
            owner=self._owner(record),
            content=self._content.root,
            cache=self._environments.cache,
            environments=self._environments.directory,
            workspace=self._environments.workspace,
            base_image=self._base_image,
            image=image,
            start_timeout_seconds=self._start_timeout_seconds,
        )
        job = self._job(record)
        job.cancel()
        self._recent.pop(record.name, None)
        job.start(record.current, deployment.command(job.folder, work))
        self._moving.add(record.name)

    def _image_for(self, record: ServiceRecord) -> str | None:
        """Return the image that the engine has, where the files to make it from are not here.

        So it is with a service that was deployed from another machine.
        """
        try:
            for file in record.spec.content:
                self._content.check(file)  # fetched where a team's store has it
        except ModelIntegrityError:
            from mlmagic.targets.docker.finding import image_of

            seen = self._observe(record)
            with self._faults():
                image = image_of(self._connection.client, seen, record.spec)
            if image is None:
                raise
            return image
        return None

    def _wake(self, record: ServiceRecord, container: Container) -> None:
        """Start a container, under the policy that it is meant to have."""
        policy = config_of(record.spec, DockerDeploymentConfig).restart
        with self._faults(f"Container '{container.name}' cannot be started"):
            api = self._connection.client.api
            if container.state == "paused":
                api.unpause(container.id)
            elif not container.running:
                api.start(container.id)
            self._parts(record).restart_by(container.id, policy)

    def _remove(self, name: str, owner: str) -> None:
        folder = self._folder(name)
        Job(folder.path).cancel()
        with self._faults():
            ServiceParts(self._connection.client, name, owner).remove(
                grace_seconds=deployment.GRACE_SECONDS
            )
        if folder.revisions.exists():
            shutil.rmtree(folder.revisions)
        for file in ("job.json", "job.log", "work.json"):
            (folder.path / file).unlink(missing_ok=True)

    @contextmanager
    def _faults(self, fact: str = "The engine refused") -> Iterator[None]:
        from mlmagic.images.connecting import engine_faults

        with engine_faults(TargetError, fact):
            yield
