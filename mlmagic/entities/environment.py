"""What an environment is, and what it is locked to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(\[[^]]*\])?\s*(==|@\s)\s*(?P<version>\S+)")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What a service's Python needs, before it is locked.

    Attributes:
        name: The name in the workspace, or a name derived from where it came from.
        python_version: ``3.11`` or ``3.11.7``; None is the running interpreter's.
        requirements: Requirement lines (PEP 508), without options.
        constraints: Versions to prefer for what the requirements bring in, as ``name==version``.
        limits: Versions that must hold for what the requirements bring in (``-c`` files).
        index_options: uv options naming indexes and wheel folders (``--extra-index-url URL`` …);
            credentials are never kept here.
        variables: Environment variables for the service.
        image: ``base_image`` or ``base_dockerfile``, for containers; only v1's objects name one.
        origin: Where it came from, in words, such as ``the imports of 'score.py'``.
    """

    name: str
    python_version: str | None = None
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    index_options: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    image: dict[str, str] = field(default_factory=dict)
    origin: str = ""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Exact versions with hashes, for one Python and one platform.

    Attributes:
        identity: SHA-256 over text, Python version and platform; names the environment.
        text: A requirements file with ``==`` pins and hashes.
        python_version: ``major.minor``.
        platform: Such as ``linux-x86_64``.
        index_options: Needed again to fetch what the lock names.
    """

    identity: str
    text: str
    python_version: str
    platform: str
    index_options: tuple[str, ...] = ()

    @property
    def packages(self) -> dict[str, str]:
        """Distribution name to version, or to the address of what comes from one."""
        lines = (line.split(";")[0].split("\\")[0].strip() for line in self.text.splitlines())
        pins = (_PIN.match(line) for line in lines)
        return {pin["name"]: pin["version"] for pin in pins if pin is not None}

    @property
    def short(self) -> str:
        """The first six digits of the identity, for people."""
        return self.identity[:6]
