"""Services as Deployments of a Kubernetes cluster; nothing of ours has to be installed there."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlmagic.entities import ServiceEvent
from mlmagic.errors import (
    ConfigurationError,
    MlmagicError,
    ModelIntegrityError,
    ServiceNotFoundError,
    TargetError,
    TargetUnavailableError,
    did_you_mean,
)
from mlmagic.images import Images
from mlmagic.targets.base import Target
from mlmagic.targets.jobs import Job
from mlmagic.targets.kubernetes import (
    applying,
    deployment,
    keeping,
    logs,
    naming,
    recording,
    states,
)
from mlmagic.targets.kubernetes.access import Addresses
from mlmagic.targets.kubernetes.checking import check_config, lacks_registry
from mlmagic.targets.kubernetes.cluster import Cluster
from mlmagic.targets.kubernetes.connection import Connection, Place, connect
from mlmagic.targets.kubernetes.differences import differences
from mlmagic.targets.kubernetes.image import architecture_to_come, find_builder
from mlmagic.targets.kubernetes.local_clusters import loader_of
from mlmagic.targets.kubernetes.objects import exported, keys_secret
from mlmagic.targets.kubernetes.recording import keep_record, read_record_object, running_release
from mlmagic.targets.kubernetes.release import Release, config_of, first_replicas, image_to_come

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from mlmagic.entities import DeploymentSpec, ServiceRecord, ServiceStatus
    from mlmagic.environments import Environments
    from mlmagic.registry import ContentStore
    from mlmagic.targets.base import Keys
    from mlmagic.targets.jobs import JobState
    from mlmagic.targets.kubernetes.access import Address
    from mlmagic.targets.kubernetes.observing import Observation, Pod


class KubernetesTarget(Target):
    """Runs services as pods of a cluster.

    Args:
        directory: Folder of the services; each has one of its name in it.
        content: Where files are taken from.
        environments: Where environments are locked and cached.
        place: The cluster.
        name: What users call it.
        registry: Where images are pushed where a configuration does not say.
        base_image: What they are built on, likewise; None takes the official image of Python.
    """

    compute_type = "kubernetes"

    def __init__(
        self,
        directory: Path,
        *,
        content: ContentStore,
        environments: Environments,
        place: Place | None = None,
        name: str = "kubernetes",
        registry: str | None = None,
        base_image: str | None = None,
    ) -> None:
        self.name = name
        self._directory = directory
        self._content = content
        self._environments = environments
        self._place = place or Place()
        self._registry = registry
        self._base_image = base_image
        self._lock = threading.Lock()
        self._opened: dict[str | None, Cluster] = {}
        self._addresses = Addresses(self._place)

    @property
    def connection(self) -> Connection:
        """The connection to the target's own namespace, opened when it is first needed."""
        return self._open().connection

    def check(self, spec: DeploymentSpec, *, record: ServiceRecord | None) -> ServiceStatus | None:
        """See `Target.check`: the server is asked what it would say to every object.

        Whether there is room for the pods, only the scheduler knows: it is told once they are
        there.
        """
        lacks = self._lacks_registry(spec)
        check_config(spec, lacks=lacks if record is None else "")
        image = self._image_there(spec, record) if record is not None else None
        if image is None:
            check_config(spec, lacks=lacks)
            if (engine := find_builder(spec)) is not None:
                engine.client.close()
        connection = self._open(spec).connection
        if record is None:
            recording.refuse_unknown(connection, spec.name, self.name)
        else:
            recording.refuse_ahead(connection, record)
        applying.refuse_foreign(connection, spec)
        image = image or image_to_come(spec, self._registry_of(spec))
        applying.dry_run(connection, Release(spec=spec, revision=1, image=image))
        return None

    def preview(
        self, spec: DeploymentSpec, *, record: ServiceRecord | None
    ) -> list[tuple[str, str, str]]:
        """See `Target.preview`: per object, from a dry run of the server."""
        connection = self._open(spec).connection
        image = self._image_there(spec, record) if record is not None else None
        release = Release(
            spec=spec,
            revision=record.current if record else 1,
            image=image or image_to_come(spec, self._registry_of(spec)),
            architecture=recording.kept_architecture(connection, spec.name, image)
            if image
            else architecture_to_come(connection, spec, self._images(), self._base_image),
            pull_secret=recording.named_pull_secret(connection, spec),
        )
        found = applying.dry_run(connection, release)
        parts = [part for before, after in found for part in differences(before, after)]
        return [part for part in parts if naming.DOMAIN not in part[0]]

    def create(self, record: ServiceRecord, *, secrets: Mapping[str, bytes]) -> None:
        """See `Target.create`; image and objects are made by a process that outlives us."""
        self._submit(record, secrets)

    def update(self, record: ServiceRecord, *, secrets: Mapping[str, bytes]) -> None:
        """See `Target.update`."""
        self._submit(record, secrets)

    def status(self, record: ServiceRecord) -> ServiceStatus:
        """See `Target.status`."""
        try:
            seen, job = self._observe_with_job(record)
        except TargetUnavailableError as error:
            return states.unreachable(error.message)
        return states.status_of(record, seen, job=job)

    def failure(self, record: ServiceRecord) -> ServiceStatus | None:
        """See `Target.failure`."""
        seen, job = self._observe_with_job(record)
        return states.failure_of(record, seen, job=job)

    def serving(self, record: ServiceRecord) -> int:
        """See `Target.serving`."""
        return states.serving(self._observe(record))

    def wait_for_change(self, record: ServiceRecord, seconds: float) -> None:
        """See `Target.wait_for_change`; told by the watches, and by the job's file."""
        job = self._job(record)
        job.wait_for_change(job.state(), self._open(record.spec).mirror, seconds)

    def find(self, name: str, *, label: str | None = None) -> ServiceRecord:
        """See `Target.find`: the record lies in the cluster."""
        if label is not None:
            raise ConfigurationError(
                "A namespace has one service of a name, and no containers with names of their own.",
                hint="Leave out --dns-name-label.",
            )
        found = self.connection.get("ConfigMap", naming.record_name(name))
        if found is None or naming.RECORD_KEY not in found.get("binaryData", {}):
            raise ServiceNotFoundError(
                f"There is no service '{name}' in namespace '{self.connection.namespace}'.",
                hint=did_you_mean(name, self.names()),
            )
        return read_record_object(found)

    def newer(self, record: ServiceRecord) -> ServiceRecord | None:
        """See `Target.newer`."""
        there = recording.known_record(self._open(record.spec).connection, record.name)
        return there if there is not None and recording.is_ahead(there, record) else None

    def names(self) -> list[str]:
        """Return the names of all services of the namespace."""
        found = self._open().mirror.read("Deployment")
        return sorted(each["metadata"]["name"] for each in found)

    def logs(self, record: ServiceRecord, lines: int) -> list[str]:
        """See `Target.logs`: of all pods, in the order of time."""
        try:
            pods = self._observe(record).pods
            found = logs.merged(self._open(record.spec).connection, pods, lines)
        except TargetUnavailableError:
            return []
        job = self._job(record)
        if not found and job.log.is_file():
            return job.log.read_text(errors="replace").splitlines()[-lines:]
        return found

    def follow_logs(self, record: ServiceRecord, lines: int) -> Generator[list[str]]:
        """See `Target.follow_logs`: each pod's log is streamed."""
        cluster = self._open(record.spec)

        def pods() -> Sequence[Pod]:
            try:
                return cluster.observe(record.name).pods
            except TargetUnavailableError:
                return ()  # it comes back, and the pods with it

        return logs.Following(cluster.connection, pods).pages(lines)

    def events(self, record: ServiceRecord) -> list[ServiceEvent]:
        """See `Target.events`: what Kubernetes says of its objects, and how a deployment failed."""
        told = [
            ServiceEvent(
                at=event.at,
                type=event.type,
                reason=event.reason,
                about=f"{event.kind.lower()}/{event.name}",
                message=event.message,
            )
            for event in self._observe(record).events
        ]
        return [*told, *self._job(record).events()]

    def base_uri(self, record: ServiceRecord) -> str | None:
        """See `Target.base_uri`; None while no pod takes requests."""
        address = self.address(record)
        return address.uri if address is not None else None

    def address_kind(self, record: ServiceRecord) -> str:
        """See `Target.address_kind`."""
        address = self.address(record)
        return address.kind if address is not None else ""

    def hold(self, record: ServiceRecord, holder: object) -> None:
        """See `Target.hold`: port-forwards are kept."""
        self._addresses.hold(record.name, holder)

    def release(self, record: ServiceRecord, holder: object) -> None:
        """See `Target.release`."""
        self._addresses.release(record.name, holder)

    def address(self, record: ServiceRecord) -> Address | None:
        """Return where the service is reached from here, and through what."""
        job = self._job_state(record)
        try:
            return self._addresses.of(
                self._open(record.spec), record, settled=job is None or job.is_over
            )
        except TargetError:  # nor while nobody can say whether a key may go there
            return None

    def keys(self, record: ServiceRecord) -> Keys | None:
        """See `Target.keys`."""
        if record.spec.config.auth == "none":
            return None
        return keeping.read_keys(self._open(record.spec).connection, record.name)

    def set_keys(self, record: ServiceRecord, keys: Keys) -> None:
        """See `Target.set_keys`; returns once every pod has the keys, or after a minute.

        The kubelet brings a changed Secret into a pod when it looks at the pod the next time; a
        changed annotation makes it look at once.
        """
        cluster = self._open(record.spec)
        connection = cluster.connection
        connection.apply(keys_secret(keep_record(connection, record), keys))
        pods = cluster.ready_pods(record.name)
        keeping.tell_kubelet(connection, pods)
        keeping.answers_with(connection, pods, keys.primary, keys.secondary)

    def start(self, record: ServiceRecord) -> None:
        """See `Target.start`."""
        work = self._observe(record).workload
        if work is None or work.revision != record.current:
            self._submit(record, {})
            return
        keep_record(self._open(record.spec).connection, record)
        self._scale(record, first_replicas(config_of(record.spec)))

    def stop(self, record: ServiceRecord) -> None:
        """See `Target.stop`: no pods are left, everything else is."""
        self._job(record).cancel()
        keep_record(self._open(record.spec).connection, record)
        self._scale(record, 0)
        mirror = self._open(record.spec).mirror
        until = time.monotonic() + applying.GONE_SECONDS
        while self._observe(record).standing and time.monotonic() < until:
            mirror.wait(mirror.count, 1.0)

    def restart(self, record: ServiceRecord) -> None:
        """See `Target.restart`: pods are replaced one by one."""
        work = self._observe(record).workload
        if work is None or work.revision != record.current:
            self._submit(record, {})
            return
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        cluster = self._open(record.spec)
        release = running_release(cluster.connection, record, restarted=stamp)
        for item in applying.apply_release(cluster.connection, release):
            cluster.mirror.note(item)

    def forget(self, record: ServiceRecord, generation: int) -> None:
        """See `Target.forget`: secrets that no kept revision reads."""
        del generation
        if self.newer(record) is None:  # else others know what is read
            keeping.forget_secrets(self._open(record.spec).connection, record)

    def delete(self, record: ServiceRecord) -> None:
        """See `Target.delete`; what somebody else has under the name by now is left alone."""
        self._withdraw(record.name)
        connection = self._open(record.spec).connection
        there = recording.known_record(connection, record.name)
        if there is None or recording.is_same(there, record):
            applying.remove(connection, record.name)

    def discard(self, name: str) -> None:
        """See `Target.discard`; a service that was never here needs no cluster."""
        if Job(self._directory / name).state() is not None:
            self._withdraw(name)
            applying.remove(self.connection, name)

    def export(self, record: ServiceRecord) -> list[dict[str, Any]]:
        """Return the objects of a service as they would be kept in a repository."""
        connection = self._open(record.spec).connection
        return exported(applying.suited(connection, running_release(connection, record)))

    def cancel(self, name: str) -> None:
        """End the process that makes a service's image and objects, where one runs."""
        Job(self._directory / name).cancel()

    def close(self) -> None:
        """End watches and port-forwards."""
        self._addresses.close()
        for cluster in self._opened.values():
            cluster.mirror.close()

    # How

    def _open(self, spec: DeploymentSpec | None = None) -> Cluster:
        """Return what leads to the namespace of a service; without one to the target's own."""
        namespace = config_of(spec).namespace if spec is not None else None
        with self._lock:
            if namespace not in self._opened:
                place = replace(self._place, namespace=namespace or self._place.namespace)
                self._opened[namespace] = Cluster(connect(place, name=self.name))
            return self._opened[namespace]

    def _withdraw(self, name: str) -> None:
        self.cancel(name)
        self._addresses.forget(name)

    def _scale(self, record: ServiceRecord, pods: int) -> None:
        cluster = self._open(record.spec)
        config = config_of(record.spec)
        scaled = applying.scale(cluster.connection, record.name, config, pods)
        if scaled is not None:
            cluster.mirror.note(scaled)

    def _images(self) -> Images:
        return Images(self._environments.cache, content=self._content)

    def _registry_of(self, spec: DeploymentSpec) -> str | None:
        """Return where images are pushed: where nobody says, where the running one was."""
        return self._named_registry(spec) or recording.registry_of(
            self._open(spec).connection, spec.name
        )

    def _named_registry(self, spec: DeploymentSpec) -> str | None:
        return config_of(spec).image_registry or self._registry

    def _job(self, record: ServiceRecord) -> Job:
        return Job(self._directory / record.name)

    def _job_state(self, record: ServiceRecord) -> JobState | None:
        state = self._job(record).state()
        return state if state is not None and state.generation == record.current else None

    def _submit(self, record: ServiceRecord, secrets: Mapping[str, bytes]) -> None:
        """Put down the record and the rest; where the rest fails, the record goes back."""
        connection = self._open(record.spec).connection
        self._addresses.look_again(record.name)
        recording.refuse_ahead(connection, record)
        image = self._image_there(record.spec, record)
        if image is None:
            for file in record.spec.content:
                self._content.check(file)  # fetched where a team's store has it
        before = recording.known_record(connection, record.name)
        release = keep_record(connection, record)
        try:
            self._begin(connection, record, release, secrets, image)
        except BaseException:
            with suppress(MlmagicError):  # what was in the way first is what is told
                if before is not None:
                    recording.put_record(connection, before)
            raise

    def _begin(
        self,
        connection: Connection,
        record: ServiceRecord,
        release: Release,
        secrets: Mapping[str, bytes],
        image: str | None,
    ) -> None:
        """Put down keys and secrets; then let a process do what takes a while."""
        if record.spec.config.auth == "key":
            keeping.ensure_keys(connection, release)
        keeping.put_secrets(connection, release, secrets)
        self._job(record).start(
            record.current,
            deployment.command(
                self._directory / record.name,
                deployment.Work(
                    record=record,
                    kubeconfig=self._place.kubeconfig,
                    context=self._place.context,
                    namespace=connection.namespace,
                    content=self._content.root,
                    cache=self._environments.cache,
                    environments=self._environments.directory,
                    workspace=self._environments.workspace,
                    registry=self._registry_of(record.spec) or "",
                    base_image=self._base_image,
                    image=image,
                    store=self._content.remote.url if self._content.remote else None,
                ),
            ),
        )

    def _image_there(self, spec: DeploymentSpec, record: ServiceRecord) -> str | None:
        """Return the image that the cluster has of a specification; None where one is to be made.

        It is where there is none, and where nodes do not get it, or not from the registry that is
        asked for: as far as the files are here, and a registry or a loader.
        """
        image = recording.image_of(self._open(spec).connection, record, spec)
        if image is None:
            return None
        registry = self._named_registry(spec)
        moves = registry is not None and not image.startswith(f"{registry}/")
        if not moves and not states.awaits_image(self._observe(record)):
            return image
        try:
            for file in spec.content:
                self._content.check(file)
        except ModelIntegrityError:
            return image
        return image if self._lacks_registry(spec) else None

    def _lacks_registry(self, spec: DeploymentSpec) -> str:
        return lacks_registry(self._registry_of(spec), loader_of(self._place))

    def _observe(self, record: ServiceRecord) -> Observation:
        return self._observe_with_job(record)[0]

    def _observe_with_job(self, record: ServiceRecord) -> tuple[Observation, JobState | None]:
        """Look at the job first: what it had made by then is seen."""
        job = self._job_state(record)
        cluster = self._open(record.spec)
        if job is None or job.is_over:
            cluster.await_deployment(record.name)
        return cluster.observe(record.name), job
