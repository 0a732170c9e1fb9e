"""Credentials for a registry, as ``docker login`` has left them: in a file, or with a helper."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from requests.auth import HTTPBasicAuth

from mlmagic.images.connecting import INSTALL_HELPER

if TYPE_CHECKING:
    from mlmagic.errors import ImageError

_HELPER = "docker-credential-"


@dataclass(frozen=True)
class Credentials:
    """What is shown to a registry.

    Attributes:
        basic: Name and password.
        identity_token: What a login at an identity provider gave, such as ``az acr login``; the
            registry's token server takes it in place of a password.
    """

    basic: HTTPBasicAuth | None = field(default=None, repr=False)
    identity_token: str | None = field(default=None, repr=False)


def find_credentials(host: str, kind: type[ImageError]) -> Credentials:
    """Look in Docker's configuration, and ask the helper that it names.

    Args:
        host: The registry, with its port.
        kind: The class of the error.

    Raises:
        ImageError: Of that kind; the file or the helper is broken.
    """
    from docker import auth
    from docker.errors import DockerException

    registry = None if host == "docker.io" else host
    try:
        configured = auth.load_config()
        helper = configured.get_credential_store(registry)
        if helper and shutil.which(f"{_HELPER}{helper}") is None:
            raise kind(
                f"The credentials for '{host}' are kept by '{_HELPER}{helper}', which is not "
                "installed.",
                hint=f"{INSTALL_HELPER} {host}.",
            )
        found = configured.resolve_authconfig(registry) or {}
    except (DockerException, ValueError) as error:
        raise kind(
            f"The credentials for '{host}' cannot be read: {error}.",
            hint=f"Log in again: docker login {host}.",
        ) from error
    name = found.get("username") or found.get("Username")
    secret = found.get("password") or found.get("Password")
    basic = HTTPBasicAuth(name.encode(), secret.encode()) if name and secret else None
    return Credentials(basic, found.get("IdentityToken") or None)
