"""Whether a registry takes what nodes show it: pull secrets, looked at and tried."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mlmagic.entities import Check
from mlmagic.errors import ImagePullError, MlmagicError
from mlmagic.images import Reference
from mlmagic.targets.kubernetes.faults import ForbiddenError
from mlmagic.targets.kubernetes.naming import OURS, pull_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.images.credentials import Credentials
    from mlmagic.targets.kubernetes.connection import Connection
    from mlmagic.targets.kubernetes.release import Release

_TYPE = "kubernetes.io/dockerconfigjson"
_NAME = "pull secret"
# Users whose passwords are tokens of a cloud, and how long these live.
_PASSING = {
    "AWS": "12 hours",
    "oauth2accesstoken": "an hour",
    "_dcgcloud_token": "an hour",
    "gclouddockertoken": "an hour",
    "00000000-0000-0000-0000-000000000000": "3 hours",
}
_OWN_IDENTITY = (
    "let the nodes pull by their own identity (node role of EKS, service account of GKE's nodes, "
    "az aks update --attach-acr)"
)
_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


def examine_credentials(
    connection: Connection, registry: str | None, named: str | None
) -> Iterator[Check]:
    """Look at what nodes have for a registry, and ask the registry from here.

    Args:
        connection: The cluster.
        registry: Where images are pushed; None where none is named.
        named: A Secret of the namespace; None leaves it to what services name.
    """
    target = Reference.parse(f"{registry}/any") if registry is not None else None
    if target is not None:
        yield _own(target)
    if named is not None:
        yield _secret(connection, named, target, "")
    for secret, image, service in sorted(_in_use(connection)):
        if secret != named:
            yield _secret(connection, secret, Reference.parse(image), service)


def with_those_of_account(connection: Connection, release: Release) -> Release:
    """Let pods that name a Secret name those of their service account too.

    Kubernetes gives pods the Secrets of their account only where they name none, and these may be
    the ones that somebody renews.
    """
    if not (release.pull_secret or release.config.image_pull_secret):
        return release
    try:
        account = connection.get("ServiceAccount", release.config.service_account or "default")
    except ForbiddenError:
        return release
    found = (account or {}).get("imagePullSecrets") or ()
    return replace(release, account_secrets=tuple(each["name"] for each in found))


def no_secret(host: str) -> str:
    """Say that a login is none for nodes."""
    return f"the login at '{host}' is an identity token, of which no pull secret can be made"


def ends_soon(host: str, user: str | bytes) -> str:
    """Say that a login is none that lasts; empty where it may."""
    life = _PASSING.get(user.decode() if isinstance(user, bytes) else user)
    if life is None:
        return ""
    return (
        f"the login at '{host}' ends after {life}, and with it the pull secret that is made of it: "
        "pods that come to other nodes later do not get their image"
    )


def _in_use(connection: Connection) -> set[tuple[str, str, str]]:
    """Return the Secrets that services name: Secret, image, service."""
    try:
        deployments = connection.list("Deployment", OURS)[0]
    except MlmagicError:
        return set()
    found = set()
    for each in deployments:
        pods = each["spec"]["template"]["spec"]
        for secret in pods.get("imagePullSecrets") or ():
            found.add((secret["name"], pods["containers"][0]["image"], each["metadata"]["name"]))
    return found


def _own(registry: Reference) -> Check:
    """Try what pull secrets of services are made from: the Docker configuration of this user."""
    fault = _refusal(registry, None)
    if fault is None and (but := _does_not_last(registry)):
        found = f"'{registry.host}' takes it, but {but}"
        lasting = "Name a Secret with a password that lasts: --image-pull-secret NAME"
        advice = f"{lasting}; or {_OWN_IDENTITY}"
        return Check(name="registry login", state="optional", found=found, advice=advice)
    if fault is None:
        found = f"'{registry.host}' takes what your Docker configuration has, or asks for nothing"
        return Check(name="registry login", state="ok", found=found)
    return Check(
        name="registry login",
        state="missing" if _is_refused(fault) else "optional",
        found=fault.message.rstrip("."),
        advice=fault.hint or "",
    )


def _does_not_last(registry: Reference) -> str:
    from mlmagic.images.credentials import find_credentials

    login = find_credentials(registry.host, ImagePullError)
    if login.basic is not None:
        return ends_soon(registry.host, login.basic.username)
    return no_secret(registry.host) if login.identity_token is not None else ""


def _secret(connection: Connection, name: str, registry: Reference | None, service: str) -> Check:
    """Look at one Secret, and try it."""
    try:
        found = connection.get("Secret", name)
    except ForbiddenError as error:
        return Check(name=_NAME, state="optional", found=f"'{name}': {error.message.rstrip('.')}")
    named = f"'{name}'" + (f" (service '{service}')" if service else "")
    wrong = _wrong(found, registry, named)
    auths = _read(found)
    if wrong:
        return _missing(connection, name, registry, service, wrong, exists=found is not None)
    if registry is None:
        return Check(name=_NAME, state="ok", found=f"{named} has credentials for {_list(auths)}")
    entry = next(auths[key] for key in auths if _is_for(key, registry))
    fault = _refusal(registry, entry)
    if fault is None:
        taken = f"'{registry.host}' takes the credentials of the Secret {named}"
        return Check(name=_NAME, state="ok", found=taken)
    said = fault.message.rstrip(".")
    if _is_refused(fault):
        wrong = f"'{registry.host}' does not take the credentials of the Secret {named}: {said}"
        return _missing(connection, name, registry, service, wrong, exists=True)
    tried = f"the credentials of the Secret {named} cannot be tried from here: {said}"
    return Check(name=_NAME, state="optional", found=tried)


def _wrong(found: dict[str, Any] | None, registry: Reference | None, named: str) -> str:
    """Say what keeps nodes from using a Secret for a registry; empty where nothing does."""
    if found is None:
        return f"there is no Secret {named}"
    if found.get("type") != _TYPE:
        return f"the Secret {named} is of the type '{found.get('type')}', not '{_TYPE}'"
    auths = _read(found)
    if not auths:
        return f"the Secret {named} has no credentials that can be read"
    if registry is not None and not any(_is_for(key, registry) for key in auths):
        return f"the Secret {named} has credentials for {_list(auths)}, none for '{registry.host}'"
    return ""


def _missing(
    connection: Connection,
    name: str,
    registry: Reference | None,
    service: str,
    wrong: str,
    *,
    exists: bool,
) -> Check:
    """Tell what is wrong, and what to do: ours are made anew by a deployment."""
    host = registry.host if registry is not None else "HOST"
    if service and name == pull_name(service):
        advice = f"Log in (docker login {host}) and deploy '{service}' again."
    else:
        advice = (
            f"{'Delete it and make it anew' if exists else 'Make it'}: kubectl -n "
            f"{connection.namespace} create secret docker-registry {name} "
            f"--docker-server={host} --docker-username=… --docker-password=…"
        )
    return Check(name=_NAME, state="missing", found=wrong, advice=advice)


def _list(auths: dict[str, Credentials]) -> str:
    return ", ".join(f"'{each}'" for each in auths)


def _read(secret: dict[str, Any] | None) -> dict[str, Credentials]:
    """Return what a Secret has, by registry; nothing where it cannot be read."""
    try:
        text = base64.b64decode((secret or {})["data"][".dockerconfigjson"])
        found = json.loads(text)["auths"]
        return {f"{key}": _credentials(value) for key, value in found.items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _credentials(entry: dict[str, Any]) -> Credentials:
    from requests.auth import HTTPBasicAuth

    from mlmagic.images.credentials import Credentials

    packed = base64.b64decode(entry.get("auth", "")).decode()
    user, _, password = packed.partition(":")
    user, password = entry.get("username") or user, entry.get("password") or password
    return Credentials(HTTPBasicAuth(user.encode(), password.encode()))


def _is_for(key: str, registry: Reference) -> bool:
    """Whether nodes take an entry for a registry: its key may be an address, and have wildcards."""
    host, _, path = key.removeprefix("https://").removeprefix("http://").partition("/")
    if registry.host in _HUB:
        return host in _HUB
    below = path in ("", "v1", "v1/", "v2", "v2/") or f"{registry.repository}/".startswith(path)
    return fnmatchcase(registry.host, host) and below


def _refusal(registry: Reference, credentials: Credentials | None) -> ImagePullError | None:
    """Sign in at a registry; returns what it says against it."""
    from mlmagic.images.client import RegistryClient

    try:
        with RegistryClient(registry, ImagePullError, credentials=credentials) as client:
            client.sign_in()
    except ImagePullError as error:
        return error
    return None


def _is_refused(fault: ImagePullError) -> bool:
    return fault.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
