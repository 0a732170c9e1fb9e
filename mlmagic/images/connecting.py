"""Finds the Docker engine (or Podman's) that is meant, and turns its refusals into our errors."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError, TargetUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

INSTALL_HELPER = (
    "Install that helper, or take it out of 'credsStore' and 'credHelpers' in Docker's config.json "
    "and log in again: docker login"
)
_DEFAULT_HOST = "unix:///var/run/docker.sock"
_LOG_IN = "Log in to the registry: docker login."
# What engines say, the first that fits.
_WAYS_OUT = (
    (("no space",), "Free some space on the engine's disk: %ml image prune, docker system prune."),
    (("unauthorized", "authentication", "no basic auth"), _LOG_IN),
    (
        ("not found", "no such image", "manifest unknown"),
        "Check the name, or pull or import the image.",
    ),
    (
        ("no matching manifest",),
        "The image has no variant for this engine's platform; choose another base_image.",
    ),
    (
        ("x509",),
        "Let the engine's host know the authority: /etc/docker/certs.d/HOST[:PORT]/ca.crt.",
    ),
    (  # of a request that came to no answer
        ('get "http',),
        "Check the name, the engine's network and its proxies, or name another base_image.",
    ),
)


def connect(**options: Any) -> DockerClient:
    """Connect to the engine that Docker's own command line would use.

    That is the one of ``DOCKER_HOST``; else of the context in ``DOCKER_CONTEXT``, or chosen by
    ``docker context use``; else of the default socket
    (https://docs.docker.com/engine/manage-resources/contexts/).

    Args:
        **options: Further ones of the client, such as ``timeout`` in seconds.

    Raises:
        ConfigurationError: There is no such context.
        TargetUnavailableError: No engine answers, or the socket may not be used.
    """
    with engine_faults(TargetUnavailableError, "The Docker engine cannot be used"):
        named = os.environ.get("DOCKER_HOST")
        context = None if named else _context()
        address = context.Host if context else named or _DEFAULT_HOST
        if address.startswith("ssh://"):
            from mlmagic.images.tunnel import TunnelledClient

            client: DockerClient = TunnelledClient(address, version="auto", **options)
        else:
            from mlmagic.images.secured import SecuredClient

            _knock(address)
            security = {"base_url": address, "tls": context.TLSConfig} if context else {}
            make = SecuredClient if context else SecuredClient.from_env
            client = make(version="auto", **security, **options)
        try:
            client.ping()
        except BaseException:
            client.close()
            raise
        return client


def _context() -> Any:
    """Return the context that was chosen; None is the default one."""
    from docker.context import ContextAPI

    name = os.environ.get("DOCKER_CONTEXT")
    found = ContextAPI.get_context(name) if name else ContextAPI.get_current_context()
    if found is None:
        raise ConfigurationError(
            "There is no Docker context '" + (name or "of the configuration") + "'.",
            hint="See 'docker context ls', and choose one: docker context use NAME.",
        )
    return None if found.Name == "default" else found


def _knock(address: str) -> None:
    """Connect to a local engine's socket first: docker leaks its own where nobody listens."""
    from docker.errors import DockerException

    kind, _, path = address.partition("://")
    if kind != "unix":
        return
    with socket.socket(socket.AF_UNIX) as door:
        try:
            door.connect(path)
        except OSError as error:
            raise DockerException(f"{path}: {error.strerror}") from error


def knock(client: DockerClient) -> None:
    """Look whether somebody still listens where a client of a local engine connects to.

    Raises:
        TargetUnavailableError: Nobody does.
    """
    path = getattr(client.api.get_adapter(str(client.api.base_url)), "socket_path", None)
    if path is not None:
        with engine_faults(TargetUnavailableError, "The Docker engine cannot be used"):
            _knock(f"unix://{path}")


@contextmanager
def engine_faults(kind: type[Exception], fact: str) -> Iterator[None]:
    """Turn what the client raises into an error of ours.

    Args:
        kind: The class, for what the engine itself refuses.
        fact: The beginning of the message, without full stop.
    """
    import requests
    from docker.credentials.errors import StoreError
    from docker.errors import APIError, DockerException, ImageLoadError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (APIError, ImageLoadError) as error:
        said = str(getattr(error, "explanation", None) or error).strip()
        raise kind(f"{fact}: {said}.", hint=_way_out(said)) from error  # type: ignore[call-arg]
    except HTTPError as error:  # of an answer that was still coming
        raise _nobody("the connection broke off") from error
    except (DockerException, requests.RequestException, StoreError) as error:
        for each in (error, error.__cause__):
            if isinstance(each, StoreError):  # the engine has not been asked
                raise kind(  # type: ignore[call-arg]
                    f"{fact}: {each}.", hint=f"{INSTALL_HELPER}."
                ) from error
        said = _innermost(error)
        if "Permission denied" in said:
            raise TargetUnavailableError(
                "The Docker engine's socket may not be used: permission denied.",
                hint="Join the group 'docker', or set DOCKER_HOST to an engine of your own.",
            ) from error
        raise _nobody(said) from error


def _nobody(said: str) -> TargetUnavailableError:
    return TargetUnavailableError(
        f"No Docker engine answers: {said}.",
        hint="Start one, or set DOCKER_HOST; '%ml doctor' shows what was found. Packaging "
        "to a registry needs none: --to image --push REFERENCE.",
    )


def _way_out(said: str) -> str | None:
    text = said.lower()
    denied = "denied" in text and "permission denied" not in text  # that is no registry's word
    if denied and "no space" not in text:
        return _LOG_IN
    return next((hint for words, hint in _WAYS_OUT if any(each in text for each in words)), None)


def _innermost(error: BaseException) -> str:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(getattr(error, "strerror", None) or error)
