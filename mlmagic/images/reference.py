"""Names of images: ``[http://]HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from mlmagic.errors import ConfigurationError

_REPOSITORY = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
HUB = "docker.io"


@dataclass(frozen=True)
class Reference:
    """The parts of an image's name.

    Attributes:
        host: The registry, with its port.
        repository: The name in it.
        tag: The tag; ``latest`` where none was given.
        digest: ``sha256:…`` where one was given; it wins over the tag.
        plain: Whether the name began with ``http://``: no TLS.
    """

    host: str
    repository: str
    tag: str = "latest"
    digest: str = ""
    plain: bool = False

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a name as Docker does: without a host, it is of Docker Hub.

        Raises:
            ConfigurationError: It is no name of an image.
        """
        plain = text.startswith("http://")
        rest, _, digest = text.removeprefix("http://").removeprefix("https://").partition("@")
        host, slash, path = rest.partition("/")
        if not slash or not (plain or host == "localhost" or "." in host or ":" in host):
            host, path = HUB, rest
        repository, tag = path, "latest"
        if ":" in path.rpartition("/")[2]:
            repository, _, tag = path.rpartition(":")
        if host == HUB and "/" not in repository:
            repository = f"library/{repository}"
        good = _REPOSITORY.fullmatch(repository) and _TAG.fullmatch(tag)
        if not good or (digest and not _DIGEST.fullmatch(digest)):
            raise ConfigurationError(
                f"'{text}' is not the name of an image.",
                hint="Write HOST/NAME:TAG in lower case, such as registry.example.com/ml/iris:1.",
            )
        return cls(host, repository, tag, digest, plain)

    @classmethod
    def is_one(cls, text: str) -> bool:
        """Whether a text is a name of an image."""
        try:
            cls.parse(text)
        except ConfigurationError:
            return False
        return True

    def is_of(self, other: Reference) -> bool:
        """Whether it is in the same repository as another."""
        return (self.host, self.repository) == (other.host, other.repository)

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is this machine, which may do without TLS."""
        name = self.host.rpartition(":")[0] if ":" in self.host else self.host
        if name == "localhost":
            return True
        try:
            return ipaddress.ip_address(name.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def name(self) -> str:
        """The name for an engine, with tag."""
        return f"{self.host}/{self.repository}:{self.tag}"

    def __str__(self) -> str:
        end = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.host}/{self.repository}{end}"
