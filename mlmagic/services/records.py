"""The durable records of services, and the lease that keeps two writers apart."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlmagic.entities import ServiceRecord
from mlmagic.errors import (
    ConfigurationError,
    DamagedRecordError,
    ServiceBusyError,
    ServiceError,
    ServiceNotFoundError,
    did_you_mean,
)
from mlmagic.files import read_record, write_record
from mlmagic.targets.processes import is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SHORTEST, _LONGEST = 3, 32
_LEASE_SECONDS = 20.0


def check_name(name: str) -> None:
    """Make sure that a service may be called so.

    Raises:
        ConfigurationError: It may not; the message has the rule (that of Azure ML v1).
    """
    if not (_NAME.fullmatch(name) and _SHORTEST <= len(name) <= _LONGEST):
        raise ConfigurationError(
            f"The service name '{name}' is not allowed.",
            hint=f"A name has {_SHORTEST} to {_LONGEST} lower-case letters, digits and '-', "
            "begins with a letter and ends with a letter or digit.",
        )


class ServiceRecords:
    """Records of services, one folder each.

    Args:
        directory: Folder of the services.
        lease_seconds: How long to wait for somebody else who changes a service.
    """

    def __init__(self, directory: Path, *, lease_seconds: float = _LEASE_SECONDS) -> None:
        self.directory = directory
        self._lease_seconds = lease_seconds

    def names(self) -> list[str]:
        """The services that there are."""
        return sorted(file.parent.name for file in self.directory.glob("*/record.json"))

    def find(self, name: str) -> ServiceRecord | None:
        """Return the record of a service; None where there is none.

        Raises:
            DamagedRecordError: The record cannot be read; the service may run all the same.
        """
        if not _NAME.fullmatch(name):
            return None
        try:
            return read_record(self._file(name), ServiceRecord)
        except FileNotFoundError:
            return None
        except DamagedRecordError as error:
            raise DamagedRecordError(
                f"Service '{name}' cannot be looked at: {error.message}",
                hint=f"Restore the file, or delete the service: %ml service delete {name}.",
            ) from error

    def read(self, name: str) -> ServiceRecord:
        """Return the record of a service.

        Raises:
            ServiceNotFoundError: There is none; the message names the nearest.
        """
        record = self.find(name)
        if record is None:
            raise ServiceNotFoundError(
                f"There is no service '{name}'.", hint=did_you_mean(name, self.names())
            )
        return record

    def add(self, record: ServiceRecord) -> ServiceRecord:
        """Write the first record of a service; the caller holds the lease."""
        write_record(self._file(record.name), record)
        return record

    def change(self, record: ServiceRecord, **changes: Any) -> ServiceRecord:
        """Write a changed record under the next generation; the caller holds the lease.

        Raises:
            ServiceBusyError: Somebody changed it since it was read.
        """
        now = self.find(record.name)
        if now is None or now.generation != record.generation:
            raise ServiceBusyError(
                f"Service '{record.name}' was changed by somebody else meanwhile.",
                hint="Look at it again and repeat what you did.",
            )
        changed = replace(
            record, generation=record.generation + 1, updated_at=datetime.now(UTC), **changes
        )
        write_record(self._file(record.name), changed)
        return changed

    def remove(self, name: str) -> None:
        """Remove what is left of a service; the caller holds the lease."""
        self._file(name).unlink(missing_ok=True)
        shutil.rmtree(self.directory / name, ignore_errors=True)

    @contextmanager
    def lease(self, name: str) -> Iterator[None]:
        """Be the only one who changes a service.

        The lock belongs to the process: the system frees it when its holder dies.

        Raises:
            ServiceBusyError: Somebody else held it all the time.
            ServiceError: The folder cannot be written.
        """
        from filelock import FileLock, Timeout

        try:
            locks = self.directory / ".leases"
            locks.mkdir(parents=True, exist_ok=True)
            with FileLock(locks / f"{name}.lock", timeout=self._lease_seconds):
                yield
        except Timeout:
            raise ServiceBusyError(
                f"Service '{name}' is being changed by {self._holder(name)}.",
                hint="Wait until that is done, then repeat what you did.",
            ) from None
        except OSError as error:
            raise ServiceError(
                f"Service '{name}' cannot be changed: '{error.filename}': {error.strerror}.",
                hint="Make room, or make the folder writable, and repeat what you did.",
            ) from error

    def _holder(self, name: str) -> str:
        record = self.find(name)
        process = record.deploying if record else None
        if process is None or not is_alive(process):
            return "another process"
        return f"process {process.pid} on '{process.host}'"

    def _file(self, name: str) -> Path:
        return self.directory / name / "record.json"
