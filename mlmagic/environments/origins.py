"""Where each package of a lock comes from, beside what the running interpreter has of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from mlmagic.environments.distributions import installed
from mlmagic.environments.runtime import runtime_requirements
from mlmagic.environments.wheels import packed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmagic.entities import Lock
    from mlmagic.environments.distributions import Installed
    from mlmagic.environments.environments import EnvironmentEntry

_COMMIT_LENGTH = 10


@dataclass(frozen=True, kw_only=True)
class LockedPackage:
    """One package of a lock.

    Attributes:
        name: Normalised name.
        version: The locked version; of what comes from a repository, the beginning of its
            commit; empty where an address tells none.
        origin: ``index``, ``wheel`` (packed here from a folder or file of this machine), ``git``
            (or another version control), or ``address``.
        place: The file or address that it comes from; empty for what an index has.
        reason: ``required``, ``scoring server``, or ``brought in`` by another package.
        here: What the running interpreter has of it; None where it has nothing.
    """

    name: str
    version: str
    origin: str
    place: str
    reason: str
    here: Installed | None

    @property
    def differs(self) -> bool:
        """Whether the running interpreter has another version of it, or none."""
        if self.here is None:
            return True
        address = self.place.partition("#")[0]
        if commit := _commit(address):
            return f"@{commit}" not in (self.here.url or "")
        if "://" in address and not self.version:
            return address != (self.here.url or "").partition("#")[0]
        return self.here.version != self.version.partition("+")[0]


def locked_packages(entry: EnvironmentEntry) -> tuple[LockedPackage, ...]:
    """Tell where the packages of an environment come from, by name.

    Args:
        entry: The environment; nothing is told of one that is not locked.
    """
    if entry.lock is None:
        return ()
    kernel = installed()
    wheels = {wheel.name: wheel.path.name for wheel in packed(entry.lock.index_options)}
    required = _names(entry.environment.requirements)
    server = _names(runtime_requirements())
    found = []
    for name, pin in sorted(entry.packages.items()):
        key = canonicalize_name(name)
        reason = "required" if key in required else "brought in"
        if key in server and key not in required:
            reason = "scoring server"
        origin, version, place = _origin(pin)
        if key in wheels:
            origin, place = "wheel", wheels[key]
        found.append(
            LockedPackage(
                name=name,
                version=version,
                origin=origin,
                place=place,
                reason=reason,
                here=kernel.get(name),
            )
        )
    return tuple(found)


def locked_versions(lock: Lock) -> dict[str, str]:
    """Return the version of each package of a lock, as `LockedPackage.version` has it."""
    return {name: _origin(pin)[1] for name, pin in lock.packages.items()}


def _origin(pin: str) -> tuple[str, str, str]:
    """What a pin tells of a package's origin, version and place: a version, or an address."""
    if "://" not in pin:
        return "index", pin, ""
    address = pin.partition("#")[0]
    if control := _version_control(address):
        return control, _commit(address)[:_COMMIT_LENGTH], pin
    with contextlib.suppress(InvalidWheelFilename):
        return "address", str(parse_wheel_filename(address.rpartition("/")[2])[1]), pin
    return "address", "", pin


def _version_control(address: str) -> str:
    scheme, plus, _ = address.partition("+")
    return scheme if plus and "://" not in scheme else ""


def _commit(address: str) -> str:
    """The commit that an address of a version control ends with; empty where it has none."""
    if not _version_control(address):
        return ""
    path = address.partition("://")[2].partition("/")[2]  # the host may have a user before an @
    return path.partition("@")[2]


def _names(lines: Iterable[str]) -> set[str]:
    found = set()
    for line in lines:
        with contextlib.suppress(InvalidRequirement):
            found.add(str(canonicalize_name(Requirement(line).name)))
    return found
