"""Base images: what has to be known of one before layers can be put on it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mlmagic.errors import ConfigurationError, ImagePullError
from mlmagic.images.places import VENV

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlmagic.images.layers import Layer

DEFAULT = "python:{version}-slim"
ON_THE_DISK = ("oci:", "oci-archive:", "docker-archive:")
LABELS = "io.mlmagic."
ROLE = f"{LABELS}role"
RUNTIME = f"{LABELS}runtime"
OLDEST = (3, 11)  # what mlmagic.scoring runs on
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_SEARCHED = ("usr/local/bin", "usr/bin", "opt/conda/bin", "opt/venv/bin", "opt/python/bin")
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_PROGRAM = re.compile(r"(?P<folder>.+)/python(?P<version>3\.\d+)")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The parts of a base image's configuration that services take over.

    Attributes:
        id: ``sha256:`` and the digest of the configuration; the engine's image id.
        layers: Digests of its uncompressed layers, the lowest first.
        architecture: Such as ``amd64``.
        variant: Such as ``v8``, or empty.
        environment: Its environment variables.
        labels: Its labels.
    """

    id: str
    layers: tuple[str, ...]
    architecture: str
    variant: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, image_id: str, config: Mapping[str, Any], layers: Sequence[str]) -> Configuration:
        """Read a configuration as OCI and Docker write it.

        Raises:
            ImagePullError: It is for another system than Linux.
        """
        system = config.get("os") or "linux"
        if system != "linux":
            raise ImagePullError(
                f"The base image is for '{system}'; services run on Linux.",
                hint="Choose another base_image.",
            )
        inner = config.get("config") or {}
        pairs = (pair.partition("=") for pair in inner.get("Env") or ())
        return cls(
            id=image_id,
            layers=tuple(layers),
            architecture=str(config["architecture"]),
            variant=str(config.get("variant") or ""),
            environment={name: value for name, _, value in pairs},
            labels=dict(inner.get("Labels") or {}),
        )

    @property
    def chain(self) -> str:
        """The digest of all its layers: equal wherever the image is kept."""
        return "sha256:" + hashlib.sha256("\n".join(self.layers).encode()).hexdigest()


@dataclass(frozen=True)
class Python:
    """What was found by looking into an image.

    Attributes:
        program: The interpreter, such as ``/usr/local/bin/python3.12``; empty where there is none.
        version: ``major.minor``, likewise.
        libc: ``glibc`` or ``musl``; empty where there is neither a Python nor a C library.
    """

    program: str
    version: str
    libc: str


class Source(Protocol):
    """Where a base image's layers can be had when they have to travel."""

    def blobs(self) -> Sequence[Any]:
        """Describe the layers as blobs, the lowest first."""


@dataclass(frozen=True)
class Base:
    """A base image, looked at.

    Attributes:
        reference: What the user called it.
        configuration: Its configuration.
        python_found: Its Python.
        source: Where its layers can be had.
        given: Layers of ours that every image on it begins with: a Python that it lacks.
        lines: The Dockerfile that an engine made it from, where it did.
    """

    reference: str
    configuration: Configuration
    python_found: Python
    source: Any = field(compare=False)
    given: tuple[Layer, ...] = field(default=(), compare=False)
    lines: str = field(default="", compare=False, repr=False)

    @property
    def python(self) -> str:
        """The interpreter's path in the image."""
        return self.python_found.program

    @property
    def python_version(self) -> str:
        """Its Python, as ``major.minor``."""
        return self.python_found.version

    @property
    def is_ours(self) -> bool:
        """Whether it is an image that mlmagic made for an environment or a service."""
        return self.configuration.labels.get(ROLE) in ("environment", "service")

    @property
    def platform(self) -> str:
        """What packages are chosen for, such as ``linux-x86_64``, as `Lock.platform` has it."""
        return platform_of(self.configuration.architecture, self.python_found.libc)


def architecture_of(platform: str) -> str:
    """Return the architecture of a platform as containers name it, such as ``linux/arm64``.

    Raises:
        ConfigurationError: Images are not made for it.

    Example:
        >>> architecture_of("linux/arm64")
        'arm64'
    """
    known = {f"linux/{architecture}": architecture for architecture in _MACHINES}
    if platform not in known:
        raise ConfigurationError(
            f"Images are not made for the platform '{platform}'.",
            hint=f"Known: {', '.join(known)}.",
        )
    return known[platform]


def platform_of(architecture: str, libc: str = "glibc") -> str:
    """Return what Python calls an image's platform; musl's is told apart by a suffix.

    Raises:
        ImagePullError: There are no wheels for this architecture.
    """
    machine = _MACHINES.get(architecture)
    if machine is None:
        raise ImagePullError(
            f"The base image is for the architecture '{architecture}'.",
            hint=f"Choose a base_image for one of: {', '.join(_MACHINES)}.",
        )
    return f"linux-{machine}" + ("-musl" if libc == "musl" else "")


class Search:
    """Looks for a Python and a C library among the names of an image's files.

    Args:
        configuration: Whose ``PATH`` counts.
        wanted: The version to prefer, where there are several.
    """

    def __init__(self, configuration: Configuration, wanted: str | None) -> None:
        path = configuration.environment.get("PATH", "").split(":")
        folders = [folder.strip("/") for folder in path if folder.startswith("/")]
        # An environment of ours, where the base is an image of ours, is a link to the Python.
        ours = f"{VENV}/bin"
        self.folders = tuple(
            folder for folder in dict.fromkeys([*folders, *_SEARCHED]) if folder != ours
        )
        self.wanted = wanted
        machine = _MACHINES.get(configuration.architecture, configuration.architecture)
        self.loaders = {
            f"lib/ld-musl-{machine}.so.1": "musl",
            "lib64/ld-linux-x86-64.so.2": "glibc",
            "lib/ld-linux-aarch64.so.1": "glibc",
        }
        self._programs: dict[str, str] = {}
        self._libcs: dict[str, str] = {}

    def see_layer(self, names: Iterable[str]) -> None:
        """Take a layer's names in, the lowest layer first; what it deletes of those below goes.

        https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
        """
        here = [name.removeprefix("./").lstrip("/") for name in names]
        for name in here:
            folder, slash, last = name.rpartition("/")
            if last == _OPAQUE:
                self._forget_below(f"{folder}{slash}")
            elif last.startswith(_WHITEOUT):
                gone = f"{folder}{slash}{last.removeprefix(_WHITEOUT)}"
                self._programs.pop(gone, None)
                self._libcs.pop(gone, None)
                self._forget_below(f"{gone}/")
        for name in here:
            if libc := self.loaders.get(name.removeprefix("usr/")):
                self._libcs[name] = libc
            found = _PROGRAM.fullmatch(name)
            if found and found["folder"] in self.folders:
                self._programs[name] = found["version"]

    def _forget_below(self, folder: str) -> None:
        for known in (self._programs, self._libcs):
            for name in [name for name in known if name.startswith(folder)]:
                del known[name]

    def result(self) -> Python:
        """Choose among what was found."""
        libc = "musl" if "musl" in self._libcs.values() else "glibc"
        programs = sorted(self._programs, key=self._rank)
        if not programs:
            return Python("", "", libc if self._libcs else "")
        return Python(f"/{programs[0]}", self._programs[programs[0]], libc)

    def _rank(self, program: str) -> tuple[bool, int, tuple[int, ...]]:
        version = self._programs[program]
        folder = program.rpartition("/")[0]
        newest_first = tuple(-number for number in _numbers(version))
        return version != self.wanted, self.folders.index(folder), newest_first


def lack_of_python(base: Base) -> ImagePullError | None:
    """Say that a base has no Python that services could run on; None where it has."""
    example = DEFAULT.format(version="3.11")
    if not base.python:
        return ImagePullError(
            f"The base image '{base.reference}' has no Python.",
            hint=f"Choose one that has, such as '{example}', install it with base_dockerfile, or "
            "give it a standalone build with standalone_python.",
        )
    if _numbers(base.python_version) < OLDEST:
        return ImagePullError(
            f"The base image '{base.reference}' has Python {base.python_version}; a service needs "
            f"{OLDEST[0]}.{OLDEST[1]} or later.",
            hint=f"Choose one with a later Python, such as '{example}', or give it a standalone "
            "build with standalone_python.",
        )
    return None


def other_platform(reference: object, has: str, wanted: str) -> ImagePullError:
    """Say that a base is for another processor."""
    return ImagePullError(
        f"The base image '{reference}' is for '{has}', not for '{wanted}'.",
        hint="Choose another base_image or platform. An image that an engine has for one processor "
        f"is replaced by that for another with: docker pull --platform linux/{wanted} NAME.",
    )


def check_python(base: Base, wanted: str) -> None:
    """Refuse a base whose Python is not the one that an environment is locked for.

    Raises:
        ImagePullError: They differ.
    """
    if base.python_version != wanted:
        raise ImagePullError(
            f"The base image '{base.reference}' has Python {base.python_version}, and the "
            f"environment is for Python {wanted}.",
            hint="Choose a base_image with that Python, or an environment for the image's.",
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
