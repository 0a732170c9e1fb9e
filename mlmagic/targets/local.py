"""Services as processes of this machine, each under a supervisor that outlives the kernel."""

from __future__ import annotations

import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

from mlmagic.entities import LocalDeploymentConfig, ServiceEvent
from mlmagic.files import write_record
from mlmagic.targets import observing, processes, states
from mlmagic.targets.base import Keys, Target, config_of
from mlmagic.targets.capacity import check_port, lacking
from mlmagic.targets.desired import STOP_GRACE_SECONDS, write_desired
from mlmagic.targets.keys import ensure_keys, read_keys, write_keys
from mlmagic.targets.logs import LogPage, read_on, tail
from mlmagic.targets.placing import ServiceFolder, place_revision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlmagic.entities import DeploymentSpec, ProcessIdentity, ServiceRecord, ServiceStatus
    from mlmagic.environments import Environments
    from mlmagic.registry import ContentStore
    from mlmagic.targets.observing import SupervisorState

_START_TIMEOUT_SECONDS = 600.0
# Workers of a supervisor that was killed end by themselves; after this they are ended.
_ORPHAN_SECONDS = 5.0
_TURN_SECONDS = STOP_GRACE_SECONDS + 5.0
_PAUSE_SECONDS = 0.02
_WATCH_SECONDS = 0.1
_EVENTS = 1000


class LocalTarget(Target):
    """Runs services as processes of this machine.

    Args:
        directory: Folder of the services; each has one of its name in it.
        content: Where files are placed from.
        environments: Where environments are realised.
        start_timeout_seconds: How long ``init()`` may take.
    """

    name = "local"
    compute_type = "local"

    def __init__(
        self,
        directory: Path,
        *,
        content: ContentStore,
        environments: Environments,
        start_timeout_seconds: float = _START_TIMEOUT_SECONDS,
    ) -> None:
        self._directory = directory
        self._content = content
        self._environments = environments
        self._start_timeout_seconds = start_timeout_seconds

    def check(self, spec: DeploymentSpec, *, record: ServiceRecord | None) -> ServiceStatus | None:
        """See `Target.check`; a port that the service itself holds is free to it."""
        config = config_of(spec, LocalDeploymentConfig)
        if config.port is not None:
            held = self._listening(record) if record is not None else None
            if held is None or held.port != config.port:
                check_port(config.address, config.port)
        return lacking(config)

    def create(self, record: ServiceRecord, *, secrets: Mapping[str, bytes]) -> None:
        """See `Target.create`."""
        self._place(record, secrets)
        self._launch(record)

    def update(self, record: ServiceRecord, *, secrets: Mapping[str, bytes]) -> None:
        """See `Target.update`."""
        self._place(record, secrets)
        # With port 0 the supervisor keeps the one it has.
        self._write_desired(record, record.spec.config.port or 0)
        if not (self._tell(record, signal.SIGHUP) and self._has_begun(record)):
            self._launch(record)

    def status(self, record: ServiceRecord) -> ServiceStatus:
        """See `Target.status`."""
        return states.status_of(record, observing.observe(self._folder(record)))

    def wait_for_change(self, record: ServiceRecord, seconds: float) -> None:
        """See `Target.wait_for_change`: a service's files change with all that it does."""
        folder = self._folder(record)
        files = (folder.path / "record.json", folder.process, folder.state / "state.json")
        before = [_stamp(file) for file in (*files, folder.log)]
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _WATCH_SECONDS))
            if [_stamp(file) for file in (*files, folder.log)] != before:
                return

    def failure(self, record: ServiceRecord) -> ServiceStatus | None:
        """See `Target.failure`."""
        return states.failure_of(record, observing.observe(self._folder(record)))

    def serving(self, record: ServiceRecord) -> int:
        """See `Target.serving`."""
        state = observing.observe(self._folder(record)).state
        return state.generation if state is not None else 0

    def logs(self, record: ServiceRecord, lines: int) -> list[str]:
        """See `Target.logs`."""
        return tail(self._folder(record).log, lines)

    def new_logs(self, record: ServiceRecord, mark: object, limit: int) -> LogPage:
        """See `Target.new_logs`."""
        return read_on(self._folder(record).log, mark, limit)

    def events(self, record: ServiceRecord) -> list[ServiceEvent]:
        """See `Target.events`: what the supervisor has kept."""
        lines = tail(self._folder(record).events, _EVENTS)
        return [event for line in lines if (event := _event(line)) is not None]

    def base_uri(self, record: ServiceRecord) -> str | None:
        """See `Target.base_uri`."""
        listening = self._listening(record)
        return listening.base_uri if listening is not None else None

    def keys(self, record: ServiceRecord) -> Keys | None:
        """See `Target.keys`."""
        if record.spec.config.auth == "none":
            return None
        return read_keys(self._folder(record).keys)

    def set_keys(self, record: ServiceRecord, keys: Keys) -> None:
        """See `Target.set_keys`; the server reads the file again when it changes."""
        write_keys(self._folder(record).keys, keys)

    def start(self, record: ServiceRecord) -> None:
        """See `Target.start`; takes the address that the service had, where it is free."""
        if self._supervisor(record) is None:
            self._launch(record)

    def stop(self, record: ServiceRecord) -> None:
        """See `Target.stop`: INT, TERM, KILL for the supervisor and its workers."""
        self._end(self._folder(record))

    def restart(self, record: ServiceRecord) -> None:
        """See `Target.restart`."""
        if not self._tell(record, signal.SIGUSR1):
            self._launch(record)

    def forget(self, record: ServiceRecord, generation: int) -> None:
        """See `Target.forget`."""
        shutil.rmtree(self._folder(record).revision(generation).path, ignore_errors=True)

    def delete(self, record: ServiceRecord) -> None:
        """See `Target.delete`."""
        self.discard(record.name)

    def discard(self, name: str) -> None:
        """See `Target.discard`."""
        folder = ServiceFolder(self._directory / name)
        self._end(folder)
        for part in (folder.state, folder.revisions):
            if part.exists():
                shutil.rmtree(part)
        for file in (folder.keys, folder.process):
            file.unlink(missing_ok=True)

    def _folder(self, record: ServiceRecord) -> ServiceFolder:
        return ServiceFolder(self._directory / record.name)

    def _listening(self, record: ServiceRecord) -> SupervisorState | None:
        """Return what the supervisor says, where it lives and listens."""
        seen = observing.observe(self._folder(record))
        return seen.state if seen.alive else None

    def _place(self, record: ServiceRecord, secrets: Mapping[str, bytes]) -> None:
        folder = self._folder(record)
        place_revision(folder, record.current, record.spec, content=self._content, secrets=secrets)
        if record.spec.config.auth == "key":
            ensure_keys(folder.keys)

    def _write_desired(self, record: ServiceRecord, port: int) -> None:
        self._environments.claim(record.spec.lock)
        write_desired(
            self._folder(record),
            record.current,
            record.spec,
            environments=self._environments,
            port=port,
            start_timeout_seconds=self._start_timeout_seconds,
        )

    def _launch(self, record: ServiceRecord) -> None:
        """Start a supervisor for the current revision."""
        folder = self._folder(record)
        seen = observing.observe(folder)
        self._end_orphans(seen)
        folder.state.mkdir(parents=True, exist_ok=True)
        self._write_desired(record, self._port_for(record, seen.state))
        identity = processes.start_detached(
            processes.python("-m", "mlmagic.scoring.supervisor", str(folder.state)),
            cwd=folder.state,
            output=folder.state / "supervisor.log",
        )
        write_record(folder.process, identity)

    def _tell(self, record: ServiceRecord, number: signal.Signals) -> bool:
        """Send a signal to the supervisor; False where none runs."""
        process = self._supervisor(record)
        if process is None:
            return False
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def _supervisor(self, record: ServiceRecord) -> ProcessIdentity | None:
        """Return the supervisor, where one runs and goes on running.

        One that has just begun would die of a signal: it listens once it has written its state.
        One that is ending hears nothing any more: its end is waited for.
        """
        deadline = time.monotonic() + _TURN_SECONDS
        while (seen := observing.observe(self._folder(record))).alive:
            settled = seen.state is not None and not seen.state.is_ending
            if settled or time.monotonic() > deadline:
                return seen.process
            time.sleep(_PAUSE_SECONDS)
        return None

    def _has_begun(self, record: ServiceRecord) -> bool:
        """Wait until the supervisor has begun with the current revision; False where it ended."""
        deadline = time.monotonic() + _TURN_SECONDS
        while self._supervisor(record) is not None and time.monotonic() < deadline:
            state = observing.observe(self._folder(record)).state
            if state is None or state.target_generation >= record.current:
                return True
            time.sleep(_PAUSE_SECONDS)
        return self._supervisor(record) is not None

    def _port_for(self, record: ServiceRecord, before: SupervisorState | None) -> int:
        """Return the configured port, else the one it had, else 0 for any."""
        config = config_of(record.spec, LocalDeploymentConfig)
        if config.port is not None:
            check_port(config.address, config.port)
            return config.port
        if before is None or not before.port:
            return 0
        from mlmagic.errors import MlmagicError

        try:
            check_port(config.address, before.port)
        except MlmagicError:
            return 0
        return before.port

    def _end(self, folder: ServiceFolder) -> None:
        seen = observing.observe(folder)
        if seen.process is not None and seen.alive:
            processes.end_group(seen.process, grace_seconds=STOP_GRACE_SECONDS + 5)
        self._end_orphans(seen)

    def _end_orphans(self, seen: observing.Observation) -> None:
        """End workers that a killed supervisor left."""
        if seen.state is None or seen.elsewhere or seen.rebooted:
            return
        import psutil

        found = [
            processes.find(worker.pid, worker.started)
            for worker in seen.state.workers
            if worker.pid is not None
        ]
        orphans = [process for process in found if process is not None]
        _, remaining = psutil.wait_procs(orphans, timeout=_ORPHAN_SECONDS)
        processes.end_all(remaining)


def _event(line: str) -> ServiceEvent | None:
    """Read an event; None where a full disk let only a part of it be written."""
    import msgspec

    try:
        return msgspec.json.decode(line, type=ServiceEvent)
    except msgspec.DecodeError:
        return None


def _stamp(file: Path) -> tuple[int, int] | None:
    """Return what changes with a file's content; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
