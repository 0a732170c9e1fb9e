"""The environments of a workspace: named, found, captured; locked and realised."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from mlmagic.entities import Environment, Lock
from mlmagic.environments import realisation, sources, use
from mlmagic.environments.capture import capture
from mlmagic.environments.curated import CURATED
from mlmagic.environments.documents import python_section
from mlmagic.environments.locking import LockRecord, inputs_digest, resolve
from mlmagic.errors import (
    ConfigurationError,
    EnvironmentNotFoundError,
    EnvironmentSetupError,
    Remark,
    did_you_mean,
)
from mlmagic.files import read_record, storage_faults, write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


def _silent(_line: str) -> None:
    return


@dataclass(frozen=True, kw_only=True)
class EnvironmentEntry:
    """What ``environment list`` and ``show`` tell.

    Attributes:
        name: Its name; captured environments are named after their script.
        kind: ``defined`` in the workspace, ``curated``, or ``captured``.
        environment: What it asks for.
        lock: What that came to when it was last locked here; None before the first time.
        realised: Whether its virtual environment lies in the cache.
        size: Bytes of the virtual environment.
        used_by: Names of this workspace's services, then roots of other workspaces.
        last_used: Seconds since 1970.
        version: The newest that is registered under its name as an object of Azure ML v1.
        base_image: The image that this object names.
    """

    V1_KEYS: ClassVar[tuple[str, ...]] = ("environment_variables", "python", "docker")
    name: str
    kind: str
    environment: Environment
    lock: Lock | None = None
    realised: bool = False
    size: int | None = None
    used_by: tuple[str, ...] = ()
    last_used: float | None = None
    version: str | None = None
    base_image: str | None = None

    @property
    def environment_variables(self) -> dict[str, str]:
        """As v1 calls them."""
        return self.environment.variables

    @property
    def python(self) -> dict[str, Any]:
        """v1's section ``python``."""
        return python_section(self.environment)

    @property
    def docker(self) -> dict[str, Any]:
        """v1's section ``docker``, as far as it says something."""
        return {"baseImage": self.base_image}

    @property
    def identity(self) -> str | None:
        """The lock's identity."""
        return None if self.lock is None else self.lock.identity

    @property
    def packages(self) -> dict[str, str]:
        """Distribution name to locked version."""
        return {} if self.lock is None else self.lock.packages


class Environments:
    """Where a workspace's environments are kept and made.

    Args:
        directory: ``ROOT/.mlmagic/environments``: definitions, locks, packed wheels.
        cache: The user's cache, shared by all workspaces: virtual environments.
        workspace: ROOT, by which the cache knows who uses what.
    """

    def __init__(self, directory: Path, cache: Path, workspace: Path) -> None:
        directory = self.directory = directory.resolve()  # uv runs in folders of its own
        self._definitions = directory / "definitions"
        self._locks = directory / "locks"
        self._wheels = directory / "wheels"
        self._cache = cache.resolve()
        self._workspace = workspace.resolve()

    @property
    def workspace(self) -> Path:
        """The workspace that they belong to."""
        return self._workspace

    @property
    def cache(self) -> Path:
        """The user's cache, shared by all workspaces."""
        return self._cache

    def define(
        self,
        name: str,
        text: str,
        *,
        base: Path,
        variables: Mapping[str, str] | None = None,
        image: Mapping[str, str] | None = None,
    ) -> Environment:
        """Keep requirement lines or Conda YAML under a name.

        Args:
            name: The name; one that exists is replaced.
            text: The content of an ``%%environment`` cell or of a file.
            base: The folder that relative paths start from.
            variables: Environment variables of its services.
            image: The base image of its services in containers; see `Environment.image`.

        Raises:
            EnvironmentSetupError: The name or the text is wrong; what was kept stays.
        """
        self._check_name(name)
        environment = sources.from_text(
            name, text, base=base, wheels=self._wheels, source=f"environment {name}"
        )
        return self._keep(
            replace(
                environment, name=name, variables=dict(variables or {}), image=dict(image or {})
            )
        )

    def from_requirements(
        self, name: str, requirements: Iterable[str], *, base: Path
    ) -> Environment:
        """Make an environment of a list of requirement lines, without keeping it."""
        return sources.from_lines(
            name, requirements, base=base, wheels=self._wheels, source=f"environment {name}"
        )

    def from_conda(self, name: str, text: str, *, base: Path) -> Environment:
        """Make an environment of Conda YAML, without keeping it."""
        return sources.from_text(
            name, text, base=base, wheels=self._wheels, source=f"environment {name}"
        )

    def read(self, path: Path) -> Environment:
        """Read a requirements file, Conda YAML or pyproject.toml."""
        return sources.from_file(path, wheels=self._wheels)

    def find(self, source_directory: Path) -> Environment | None:
        """Read what a source directory says it needs, if it says so."""
        path = sources.find_file(source_directory)
        return None if path is None else self.read(path)

    def get(self, name: str) -> Environment:
        """Return a named environment of the workspace, or a curated one.

        Raises:
            EnvironmentNotFoundError: There is none of this name.
        """
        if name in CURATED:
            return CURATED[name]
        if _NAME.fullmatch(name):
            try:
                return read_record(self._definitions / f"{name}.json", Environment)
            except FileNotFoundError:
                pass
        raise EnvironmentNotFoundError(
            f"There is no environment '{name}'.", hint=did_you_mean(name, self.names())
        )

    def names(self) -> Sequence[str]:
        """The names that ``get`` knows."""
        return sorted({*CURATED, *(path.stem for path in self._definitions.glob("[!.]*.json"))})

    def clone(self, name: str, new_name: str, *, add: Sequence[str] = ()) -> Environment:
        """Keep a copy under another name, with further requirement lines."""
        original = self.get(name)
        self._check_name(new_name)
        if (self._definitions / f"{new_name}.json").exists():
            raise EnvironmentSetupError(
                f"There is an environment '{new_name}' already.", hint="Choose another name."
            )
        added = self.from_requirements(new_name, add, base=self._workspace)
        return self._keep(
            replace(
                original,
                name=new_name,
                requirements=_merged(original.requirements, added.requirements),
                index_options=tuple(dict.fromkeys(original.index_options + added.index_options)),
                origin=f"a copy of '{name}'",
            )
        )

    def capture(
        self,
        modules: Collection[str],
        *,
        requirements: Sequence[str] = (),
        name: str,
        on_event: Callable[[str], None] = _silent,
    ) -> Environment:
        """Resolve imports against the running interpreter; see ``capture``."""
        with storage_faults(self._wheels, EnvironmentSetupError):
            return capture(
                modules,
                requirements=requirements,
                name=name,
                wheels=self._wheels,
                on_event=on_event,
            )

    def lock(
        self,
        environment: Environment,
        *,
        python_version: str | None = None,
        platform: str | None = None,
        on_event: Callable[[str], None] = _silent,
    ) -> Lock:
        """Choose exact versions, or return what was chosen for the same inputs before.

        Args:
            environment: What is asked for.
            python_version: ``major.minor`` to choose for; None is the environment's own, else
                the running interpreter's.
            platform: Such as ``linux-aarch64`` or ``linux-x86_64-musl``; None is this machine's.
            on_event: Told what happens.

        Raises:
            EnvironmentSetupError: The requirements cannot be met, or no index can be reached.
        """
        if python_version is not None:
            environment = replace(environment, python_version=python_version)
        path = self._locks / f"{inputs_digest(environment, platform)}.json"
        try:
            record = read_record(path, LockRecord)
        except (FileNotFoundError, ConfigurationError):  # new, or damaged and made again
            with storage_faults(self._locks, EnvironmentSetupError):
                record = resolve(environment, platform=platform, on_event=on_event)
                write_record(path, record)
        for note in record.notes:
            on_event(Remark(f"environment '{environment.name}': {note}"))
        return record.lock

    def relock(
        self,
        lock: Lock,
        *,
        platform: str,
        python_version: str | None = None,
        on_event: Callable[[str], None] = _silent,
    ) -> Lock:
        """Return what a lock comes to elsewhere; its environment is locked for that, and kept.

        Args:
            lock: A lock of this workspace.
            platform: Such as ``linux-aarch64``.
            python_version: ``major.minor``; None is the lock's.
            on_event: Told what happens.

        Raises:
            EnvironmentSetupError: It cannot be locked, or was not locked in this workspace.
        """
        python = python_version or lock.python_version
        if (lock.python_version, lock.platform) == (python, platform):
            return lock
        for record in self._records():
            if record.lock.identity == lock.identity:
                on_event(
                    f"environment '{record.environment.name}': locking for Python {python} on "
                    f"{platform}"
                )
                return self.lock(
                    record.environment, python_version=python, platform=platform, on_event=on_event
                )
        raise EnvironmentSetupError(
            f"The environment '{lock.short}' is locked for Python {lock.python_version} on "
            f"'{lock.platform}', and how it was made is not known any more, so it cannot be locked "
            f"for Python {python} on '{platform}'.",
            hint="Name the environment again: --environment NAME.",
        )

    def realise(
        self, lock: Lock, *, on_event: Callable[[str], None] = _silent, compiled: bool = True
    ) -> Path:
        """Make the virtual environment of a lock if it is not there, and return its Python."""
        python = realisation.realise(self._cache, lock, on_event=on_event, compiled=compiled)
        self.claim(lock)
        return python

    def claim(self, lock: Lock) -> None:
        """Note that this workspace uses an environment: others then do not prune it."""
        use.mark_used(self._cache, lock.identity, self._workspace)

    def path(self, lock: Lock) -> Path:
        """Where the virtual environment of a lock lies, or will lie."""
        return realisation.environment_path(self._cache, lock)

    def python(self, lock: Lock) -> Path:
        """The interpreter in it."""
        return realisation.python_of(self.path(lock))

    def is_realised(self, lock: Lock) -> bool:
        """Whether it is there and complete."""
        return realisation.is_realised(self._cache, lock)

    def prune(self, *, used: Collection[str], dry_run: bool = False) -> use.PruneReport:
        """Remove the virtual environments that no workspace's services use.

        Args:
            used: Identities that this workspace's services use.
            dry_run: Only tell.
        """
        with storage_faults(self._cache, EnvironmentSetupError):
            return use.prune(self._cache, self._workspace, used, dry_run=dry_run)

    def list(
        self, *, services: Mapping[str, Sequence[str]] | None = None
    ) -> Sequence[EnvironmentEntry]:
        """All environments that have a name here: defined, curated, captured.

        Args:
            services: Identity to the names of this workspace's services that use it.
        """
        named = []
        for name in self.names():
            with contextlib.suppress(EnvironmentNotFoundError):  # it may go meanwhile
                named.append(self.get(name))
        entries = [self._entry(environment, services or {}) for environment in named]
        shown = {entry.identity for entry in entries}
        for record in self._records():
            if record.lock.identity not in shown:
                shown.add(record.lock.identity)
                entries.append(self._entry(record.environment, services or {}, record.lock))
        return entries

    def show(
        self, name: str, *, services: Mapping[str, Sequence[str]] | None = None
    ) -> EnvironmentEntry:
        """One entry, by name or by the beginning of its identity.

        Raises:
            EnvironmentNotFoundError: There is none.
        """
        entries = self.list(services=services)
        found = [entry for entry in entries if entry.name == name] or [
            entry for entry in entries if entry.identity and entry.identity.startswith(name)
        ]
        if not name or not found:
            raise EnvironmentNotFoundError(
                f"There is no environment '{name}'.",
                hint=did_you_mean(name, (entry.name for entry in entries)),
            )
        return found[0]

    def stamp(self) -> tuple[int, ...]:
        """Return what changes whenever an entry may have; cheap, for those who watch."""
        places = (self._definitions, self._locks, self._cache / "environments")
        return tuple(place.stat().st_mtime_ns if place.is_dir() else 0 for place in places)

    def _entry(
        self,
        environment: Environment,
        services: Mapping[str, Sequence[str]],
        lock: Lock | None = None,
    ) -> EnvironmentEntry:
        kind = "captured" if lock else "curated" if environment.name in CURATED else "defined"
        lock = lock or self._locked(environment)
        if lock is None:
            return EnvironmentEntry(name=environment.name, kind=kind, environment=environment)
        realised = self.is_realised(lock)
        others = (root for root in use.users(self._cache, lock.identity) if root != self._workspace)
        return EnvironmentEntry(
            name=environment.name,
            kind=kind,
            environment=environment,
            lock=lock,
            realised=realised,
            size=use.size_of(self.path(lock)) if realised else None,
            used_by=(*services.get(lock.identity, ()), *map(str, others)),
            last_used=use.last_used(self._cache, lock.identity),
        )

    def _locked(self, environment: Environment) -> Lock | None:
        try:
            path = self._locks / f"{inputs_digest(environment)}.json"
            return read_record(path, LockRecord).lock
        except (FileNotFoundError, ConfigurationError, EnvironmentSetupError):
            return None

    def _records(self) -> Sequence[LockRecord]:
        found = []
        for path in self._locks.glob("[!.]*.json"):
            with contextlib.suppress(FileNotFoundError, ConfigurationError):
                found.append((path.stat().st_mtime, path, read_record(path, LockRecord)))
        return [record for _, _, record in sorted(found, reverse=True)]

    def _keep(self, environment: Environment) -> Environment:
        with storage_faults(self._definitions, EnvironmentSetupError):
            write_record(self._definitions / f"{environment.name}.json", environment)
        return environment

    @staticmethod
    def _check_name(name: str) -> None:
        if not _NAME.fullmatch(name) or name.lower().startswith(("microsoft", "azureml")):
            raise EnvironmentSetupError(
                f"The environment name '{name}' is not allowed.",
                hint="Use up to 255 letters, digits, '.', '_' and '-', not beginning with "
                "'Microsoft' or 'AzureML'.",
            )
        if name in CURATED:
            raise EnvironmentSetupError(
                f"The environment '{name}' is curated and cannot be changed.",
                hint=f"Clone it under another name: %ml environment clone {name} my-{name}.",
            )


def _merged(original: tuple[str, ...], added: tuple[str, ...]) -> tuple[str, ...]:
    """Original lines, where an added one of the same name takes the place."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = {canonicalize_name(Requirement(line).name): line for line in (*original, *added)}
    return tuple(lines.values())
