"""What an API server or the way to it refuses, in our words."""

from __future__ import annotations

import json
import re
import ssl
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from mlmagic.errors import (
    ConfigurationError,
    MlmagicError,
    TargetError,
    TargetUnavailableError,
)
from mlmagic.targets.kubernetes.release import DISK_OPTION, LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CHECK = "See what is there and what is allowed: %ml computetarget check"
_CONFLICT = re.compile(r'conflicts? with "(?P<who>[^"]+)"[^:]*:?(?P<fields>.*)', re.DOTALL)
_ANONYMOUS = '"system:anonymous"'
_NO_DRY_RUN = "does not support dry run"
_DOUBLE = ": Duplicate value: "
_NAMESPACE = re.compile(r'namespaces "(?P<name>[^"]+)" not found')
_USER = re.compile(r'User "(?P<user>[^"]+)" cannot (?P<what>.+?)(: |$)')
_BOUND = re.compile(
    r"(must be less than or equal to|maximum|minimum) (?P<resource>cpu|memory|ephemeral-storage) "
    r"(limit of|usage per \w+ is) (?P<bound>[\w.]*\w)"
)
_WANTS_DISK = re.compile(r"\bephemeral-storage\b.*\blimits?\b|\blimits?\b.*\bephemeral-storage\b")
# Other limits are of sizes and rates.
_WANTS_LIMITS = re.compile(
    r"\b(cpu|memory)\W+(\w+\W+){0,4}limits?\b|\blimits?\W+(\w+\W+){0,4}(cpu|memory)\b"
    r"|\bresources?\W+(requests?\W+(\w+\W+)?)?limits?\b",
    re.IGNORECASE,
)


class ForbiddenError(TargetError):
    """Our credentials do not allow a request."""


class NoDryRunError(ConfigurationError):
    """Something that the cluster asks about an object cannot be asked without changing it."""


class DoubleEntryError(ConfigurationError):
    """An entry of a list is there already, under another key: somebody else's mostly."""


class ServerFailedError(TargetError):
    """The server, or what it asks, failed at a request; the next time it may not."""


class ChangedMeanwhileError(TargetError):
    """An object is not any more what it was when we looked at it."""


def unreachable(host: str, why: str) -> TargetUnavailableError:
    """Build the error of a server that does not answer."""
    return TargetUnavailableError(
        f"The Kubernetes API at '{host}' does not answer: {why}.",
        hint="Check the network and the kubeconfig; then: %ml computetarget check",
    )


def no_namespace(host: str, name: str) -> TargetError:
    """Build the error of a namespace that is not there."""
    return TargetError(
        f"The cluster '{host}' has no namespace '{name}'.",
        hint=f"Make it (kubectl create namespace {name}), or name another.",
    )


def refused(  # noqa: PLR0911 - a table
    status: int, body: bytes, host: str, request: str
) -> MlmagicError:
    """Build the error of a request that was answered with one.

    Args:
        status: HTTP status.
        body: What was answered, a ``Status`` object mostly.
        host: The API server.
        request: Method and path.
    """
    said = _said(body) or f"HTTP status {status} for {request}"
    if _ANONYMOUS in said:
        status = HTTPStatus.UNAUTHORIZED
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return TargetUnavailableError(
                f"The Kubernetes API at '{host}' does not accept the credentials: {said}.",
                hint="Log in to the cluster again, or renew the kubeconfig.",
            )
        case HTTPStatus.FORBIDDEN:
            return _forbidden(said)
        case HTTPStatus.CONFLICT:
            return _conflict(said, request)
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            return _unfit(said)
        case HTTPStatus.NOT_FOUND:
            return _absent(said, host)
        case HTTPStatus.GONE:
            return TargetError(f"The cluster no longer has it: {said}.")
        case _ if status > HTTPStatus.INTERNAL_SERVER_ERROR or (
            status == HTTPStatus.TOO_MANY_REQUESTS
        ):
            return unreachable(host, f"it says '{said}' ({status})")
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            return ServerFailedError(f"The cluster fails at {request}: {said}.", hint="Try again.")
        case _:
            return TargetError(f"The cluster refuses {request}: {said}.")


def not_beside(error: DoubleEntryError, managers: Iterable[str], item: str) -> TargetError:
    """Build the error of fields that do not fit beside those of others.

    Args:
        error: What the server said to ours.
        managers: Who manages the others.
        item: The object, such as ``services/svc``.
    """
    who = ", ".join(f"'{each}'" for each in managers)
    return TargetError(
        f"{who} manages fields of '{item}' beside which ours are refused. {error.message}",
        hint=_managers_hint(item),
    )


@contextmanager
def translated(host: str) -> Iterator[None]:
    """Turn the exceptions of the HTTP library into ours.

    Raises:
        TargetUnavailableError: The server cannot be reached, or is not the one it should be.
    """
    import urllib3

    try:
        yield
    except urllib3.exceptions.MaxRetryError as error:
        raise unreachable(host, _why(error.reason or error)) from error
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise unreachable(host, _why(error)) from error


def way_out(said: str) -> str:
    """Say with which options a pod is what a LimitRange, quota or policy wants; else nothing.

    Args:
        said: Such as ``maximum memory usage per Container is 256Mi, but limit is 512Mi``.
    """
    found = _BOUND.search(said)
    if found is not None:
        return f"Deploy with --{found['resource']} {found['bound']}"
    if _WANTS_DISK.search(said):
        return f"Deploy with {DISK_OPTION}"
    return f"Deploy with limits: {' '.join(LIMITS.values())}" if _WANTS_LIMITS.search(said) else ""


def _why(error: BaseException) -> str:
    import urllib3

    if isinstance(error, urllib3.exceptions.SSLError | ssl.SSLError):
        return f"its certificate is not accepted ({error})"
    refused_at_once = isinstance(error, urllib3.exceptions.NewConnectionError)
    if isinstance(error, urllib3.exceptions.TimeoutError) and not refused_at_once:
        return "it took too long"
    text = f"{error}".rpartition(": ")[2]
    return re.sub(r"^\[Errno -?\d+\] ", "", text).rstrip(".")


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"]).rstrip(".")
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()[:300]


def _absent(said: str, host: str) -> TargetError:
    if (found := _NAMESPACE.search(said)) is not None:
        return no_namespace(host, found["name"])
    return TargetError(f"The cluster does not have it: {said}.", hint=_CHECK)


def _unfit(said: str) -> ConfigurationError:
    if _NO_DRY_RUN in said:
        return NoDryRunError(f"The cluster cannot be asked beforehand: {said}.")
    kind = DoubleEntryError if _DOUBLE in said else ConfigurationError
    return kind(f"The cluster refuses the configuration: {said}.", hint=_policy_hint(said))


def _policy_hint(said: str) -> str | None:
    found = way_out(said)
    return f"{found}." if found else None


def _forbidden(said: str) -> MlmagicError:
    if "exceeded quota" in said:
        return TargetError(
            f"The quota of the namespace does not allow it: {said}.",
            hint="Ask for less, or for a larger quota.",
        )
    found = _USER.search(said)
    if found is None:
        return ForbiddenError(f"The cluster does not allow it: {said}.", hint=_policy_hint(said))
    return ForbiddenError(
        f"'{found['user']}' may not {found['what']}.",
        hint="The rules that are needed: %ml computetarget check NAME --rbac",
    )


def _conflict(said: str, request: str) -> MlmagicError:
    found = _CONFLICT.search(said)
    if found is None:
        text = f"Somebody else changed it at the same time: {said}."
        return ChangedMeanwhileError(text, hint="Try again.")
    fields = " ".join(found["fields"].split()) or "some fields"
    item = "/".join(request.split("/")[-2:])
    return TargetError(
        f"'{found['who']}' manages {fields} of '{item}': they are not overwritten.",
        hint=_managers_hint(item),
    )


def _managers_hint(item: str) -> str:
    return (
        "Ask for what is there, or let that manager set it back or give it up. Who manages "
        f"what: kubectl get {item} -o yaml --show-managed-fields"
    )
