"""One API server and namespace; the only edge to the `kubernetes` client, and to what it raises."""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mlmagic.addresses import retry_after
from mlmagic.errors import TargetUnavailableError
from mlmagic.targets.kubernetes.faults import (
    DoubleEntryError,
    ForbiddenError,
    no_namespace,
    not_beside,
    refused,
    translated,
    unreachable,
)
from mlmagic.targets.kubernetes.naming import MANAGER
from mlmagic.targets.kubernetes.pods import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Object = dict[str, Any]

_CONNECT_SECONDS, _READ_SECONDS = 5.0, 30.0
# A server that is silent for longer is gone, such as behind a VPN that was dropped: watches end
# by themselves before, for those of Events have no bookmarks. Logs may be silent.
_WATCH_SECONDS, _LOG_SECONDS = 60, 300.0
# A server that has too much to do says how long to wait, mostly a second; for longer nobody waits.
_TRIES_WHEN_BUSY, _LONGEST_PAUSE_SECONDS = 5, 10.0
# An API server that has just started refuses what its roles allow, until it has read them.
_ROLES_SECONDS = 30.0
# Kind to the path of its API and its plural; all but those of _CLUSTER lie in the namespace.
_KINDS = {
    "ConfigMap": ("/api/v1", "configmaps"),
    "Event": ("/api/v1", "events"),
    "LimitRange": ("/api/v1", "limitranges"),
    "Namespace": ("/api/v1", "namespaces"),
    "Node": ("/api/v1", "nodes"),
    "Pod": ("/api/v1", "pods"),
    "ResourceQuota": ("/api/v1", "resourcequotas"),
    "Secret": ("/api/v1", "secrets"),
    "Service": ("/api/v1", "services"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "ScaledObject": ("/apis/keda.sh/v1alpha1", "scaledobjects"),
    "TriggerAuthentication": ("/apis/keda.sh/v1alpha1", "triggerauthentications"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
    "HTTPRoute": ("/apis/gateway.networking.k8s.io/v1", "httproutes"),
    "SelfSubjectAccessReview": ("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews"),
    "SelfSubjectRulesReview": ("/apis/authorization.k8s.io/v1", "selfsubjectrulesreviews"),
}
_CLUSTER = {"Namespace", "Node", "SelfSubjectAccessReview", "SelfSubjectRulesReview"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a cluster is found.

    Attributes:
        kubeconfig: File; None takes ``KUBECONFIG``, ``~/.kube/config``, or inside a pod its
            service account.
        context: Of that file; None takes its current one.
        namespace: None takes the context's, else ``default``.
    """

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None


class Connection:
    """What can be asked of one API server, in one namespace.

    Objects are dicts as the API has them. Every method raises `TargetUnavailableError` where the
    server does not answer or the credentials are refused, and `TargetError` where it refuses.

    Args:
        api: A client of the `kubernetes` package.
        namespace: Where the objects lie.
        name: What messages call it.
        renew: Makes a client anew where the server does not accept the credentials any more.
    """

    def __init__(
        self, api: Any, namespace: str, name: str, *, renew: Callable[[], Any] | None = None
    ) -> None:
        self.api = api
        self.namespace = namespace
        self.name = name
        self._renew = renew
        self._away = -math.inf  # when it could not be reached last

    @property
    def host(self) -> str:
        """Address of the API server."""
        return str(self.api.configuration.host)

    def get(self, kind: str, name: str) -> Object | None:
        """Return an object; None where there is none."""
        found = self._ask("GET", self._path(kind, name), absent=True)
        return found or None

    def list(self, kind: str, selector: str = "") -> tuple[list[Object], str]:
        """Return the objects of a kind, and the version of the list."""
        query = {"labelSelector": selector} if selector else {}
        found = self._ask("GET", self._path(kind), query=query)
        items = [{"kind": kind, **each} for each in found["items"]]
        return items, found["metadata"]["resourceVersion"]

    def apply(self, item: Object, *, dry_run: bool = False) -> Object:
        """Bring an object to what it should be, by server-side apply under our name.

        Args:
            item: What we want of it; the rest is left to others.
            dry_run: Let the server say what would come of it, and change nothing.

        Raises:
            TargetError: Another manager holds a field, or the server does not allow it.
        """
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        path = self._path(item["kind"], item["metadata"]["name"])
        try:
            return self._ask("PATCH", path, item, "application/apply-patch+yaml", query=query)
        except DoubleEntryError as error:
            others = _other_managers(self.read(path) or {})
            if not others:
                raise
            raise not_beside(error, others, "/".join(path.split("/")[-2:])) from error

    def create(self, item: Object) -> Object:
        """Create an object, such as a review."""
        query = {"fieldManager": MANAGER}
        return self._ask("POST", self._path(item["kind"]), item, query=query)

    def patch(
        self, kind: str, name: str, changes: Object, *, part: str = "", dry_run: bool = False
    ) -> Object | None:
        """Merge changes into an object or a part such as ``scale``; None where there is none."""
        path = self._path(kind, name) + (f"/{part}" if part else "")
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        kinds = "application/merge-patch+json"
        return self._ask("PATCH", path, changes, kinds, query=query, absent=True) or None

    def delete(self, kind: str, name: str, *, foreground: bool = False) -> None:
        """Delete an object; nothing happens where there is none.

        Args:
            kind: Its kind.
            name: Its name.
            foreground: Let it disappear once all that it owns is gone.
        """
        policy = "Foreground" if foreground else "Background"
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy}
        self._ask("DELETE", self._path(kind, name), body, absent=True)

    def watch(self, kind: str, version: str, selector: str = "") -> Stream:
        """Follow the changes of a kind from a list's version on."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        query |= {"labelSelector": selector} if selector else {}
        timeout = (_CONNECT_SECONDS, _WATCH_SECONDS + _READ_SECONDS)
        response = self._open("GET", self._path(kind), query=query, timeout=timeout)
        return Stream(response, self.host, broke=self._note_away)

    def follow_log(self, pod: str, *, since: str = "") -> Stream:
        """Follow what a pod writes, each line behind its time.

        Args:
            pod: Its name.
            since: Time of a line; lines of its second come again. Empty begins at the first line.
        """
        query = {"container": CONTAINER, "follow": "true", "timestamps": "true"}
        query |= {"sinceTime": since} if since else {}
        timeout = (_CONNECT_SECONDS, _LOG_SECONDS)
        path = f"{self._path('Pod', pod)}/log"
        response = self._open("GET", path, query=query, timeout=timeout)
        return Stream(response, self.host, broke=self._note_away)

    def log(self, pod: str, *, lines: int, previous: bool = False) -> str:
        """Return the last lines of a pod's log, each behind its time; empty where it has none."""
        query = {
            "container": CONTAINER,  # without it, pods with a sidecar of somebody else are refused
            "tailLines": str(lines),
            "timestamps": "true",
            "previous": str(previous).lower(),
        }
        response = self._open("GET", f"{self._path('Pod', pod)}/log", query=query, check=False)
        text = bytes(response.data).decode(errors="replace")
        return text if response.status == HTTPStatus.OK else ""

    def may(self, verb: str, group: str, resource: str, *, cluster: bool = False) -> bool:
        """Ask whether our credentials allow something; ``pods/log`` names a part."""
        name, _, part = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": name, "subresource": part}
        if not cluster:
            attributes["namespace"] = self.namespace
        asked = {"resourceAttributes": attributes}
        return bool(self._review("SelfSubjectAccessReview", asked)["allowed"])

    def granted(self) -> tuple[Sequence[Object], bool]:
        """Return the rules of our credentials in the namespace, and whether there are no others.

        An authorizer outside the cluster, as clouds have them, cannot list its own.
        """
        told = self._review("SelfSubjectRulesReview", {"namespace": self.namespace})
        return told["resourceRules"] or [], not told["incomplete"]

    def read(self, path: str) -> Object | None:
        """Return what lies at any path of the API; None where nothing does."""
        return self._ask("GET", path, absent=True) or None

    def headers(self) -> dict[str, str]:
        """Return the header fields that tell who we are; tokens are renewed as they expire."""
        found = self.api.configuration.auth_settings().values()
        return {each["key"]: each["value"] for each in found}

    def renew(self) -> None:
        """Read the credentials anew, which the server does not accept any more.

        The user may have logged in again, or a program of the kubeconfig has a new token.

        Raises:
            TargetUnavailableError: There are none.
        """
        if self._renew is not None:
            self.api = self._renew()

    def require_namespace(self) -> None:
        """Make sure that the cluster answers and has the namespace.

        Raises:
            TargetUnavailableError: It does not answer, or does not accept the credentials.
            TargetError: It has no such namespace.
        """
        try:
            found = self.get("Namespace", self.namespace)
        except ForbiddenError:
            return  # it may not be looked at; the first request tells
        if found is None:
            raise no_namespace(self.host, self.namespace)

    def make_namespace(self, name: str) -> None:
        """Give the cluster a namespace, where it has none of the name."""
        if self.get("Namespace", name) is None:
            item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.create(item)

    @cached_property
    def version(self) -> str:
        """The server's version, such as ``v1.34.4``."""
        return str(self._ask("GET", "/version")["gitVersion"])

    def _review(self, kind: str, spec: Object) -> Object:
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        status: Object = self.create(review)["status"]
        return status

    def _path(self, kind: str, name: str = "") -> str:
        prefix, plural = _KINDS[kind]
        where = "" if kind in _CLUSTER else f"/namespaces/{self.namespace}"
        return f"{prefix}{where}/{plural}" + (f"/{name}" if name else "")

    def _ask(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        media_type: str = "application/json",
        *,
        query: dict[str, str] | None = None,
        absent: bool = False,
    ) -> Object:
        response = self._open(
            method, path, body=body, media_type=media_type, query=query or {}, check=not absent
        )
        if absent and response.status == HTTPStatus.NOT_FOUND:
            return {}
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise refused(response.status, bytes(response.data), self.host, f"{method} {path}")
        try:
            found: Object = json.loads(response.data)
        except ValueError as error:
            raise unreachable(self.host, "what it answers is not JSON") from error
        return found

    def _open(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str],
        body: Object | None = None,
        media_type: str = "application/json",
        timeout: tuple[float, float] = (_CONNECT_SECONDS, _READ_SECONDS),
        check: bool = True,
    ) -> Any:
        def send() -> Any:
            try:
                return self._send(method, path, query, body, media_type, timeout)
            except TargetUnavailableError:
                self._note_away()
                raise

        response = send()
        if response.status == HTTPStatus.UNAUTHORIZED and self._renew is not None:
            response.drain_conn()
            self.renew()
            response = send()
        for _ in range(_TRIES_WHEN_BUSY - 1):
            pause = retry_after(response.headers) or 1.0
            if response.status != HTTPStatus.TOO_MANY_REQUESTS or pause > _LONGEST_PAUSE_SECONDS:
                break
            response.drain_conn()
            time.sleep(pause)
            response = send()
        if (
            response.status == HTTPStatus.FORBIDDEN
            and time.monotonic() - self._away < _ROLES_SECONDS
        ):
            response.drain_conn()
            raise unreachable(self.host, "it has just come up, and may not know all roles yet")
        if check and response.status >= HTTPStatus.BAD_REQUEST:
            raise refused(response.status, bytes(response.data), self.host, f"{method} {path}")
        return response

    def _note_away(self) -> None:
        self._away = time.monotonic()

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Object | None,
        media_type: str,
        timeout: tuple[float, float],
    ) -> Any:
        import urllib3

        url = f"{self.host}{path}" + (f"?{urlencode(query)}" if query else "")
        with translated(self.host):
            headers = {
                "Accept": "application/json",
                "Content-Type": media_type,
                **self.headers(),
            }
            return self.api.rest_client.pool_manager.request(
                method,
                url,
                body=json.dumps(body) if body is not None else None,
                headers=headers,
                timeout=urllib3.Timeout(connect=timeout[0], read=timeout[1]),
                preload_content=not {"watch", "follow"} & query.keys(),
                retries=urllib3.Retry(
                    1, redirect=False, status=False, respect_retry_after_header=False
                ),
            )


def _other_managers(item: Object) -> Sequence[str]:
    """Return who besides us manages what an object shall be."""
    managed = item.get("metadata", {}).get("managedFields") or ()
    who = {each["manager"] for each in managed if "f:spec" in each.get("fieldsV1", {})}
    return sorted(who - {MANAGER})


class Stream:
    """What the server goes on telling, until it ends that or somebody closes it.

    Args:
        response: Whose body is read.
        host: Address of the API server, for messages.
        broke: Called where it breaks off, which is often all that is seen of a server that went.
    """

    def __init__(self, response: Any, host: str, *, broke: Callable[[], None]) -> None:
        self._response = response
        self._host = host
        self._broke = broke
        self._closed = False

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        """Read the changes of a watch."""
        with self._reading():  # a stream that breaks off ends in half a line
            for line in self._response:
                if line.strip():
                    event = json.loads(line)
                    yield event["type"], event["object"]

    def lines(self) -> Iterator[str]:
        """Read lines as they are."""
        with self._reading():
            for line in self._response:
                yield line.decode(errors="replace").rstrip("\r\n")

    def close(self) -> None:
        """End it, from another thread too."""
        self._closed = True
        try:
            self._response.shutdown()
        except (OSError, ValueError, AttributeError, RuntimeError):
            return  # it has ended by itself

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with translated(self._host):
                yield
        except TargetUnavailableError:
            if not self._closed:
                self._broke()
            raise


def connect(place: Place, *, name: str = "kubernetes") -> Connection:
    """Read a kubeconfig, or a pod's service account; nothing is asked of the server yet.

    Raises:
        TargetUnavailableError: There is no usable configuration; says what is missing.
    """
    from mlmagic.targets.kubernetes.kubeconfig import load

    api, namespace = load(place)
    return Connection(api, namespace, name, renew=lambda: load(place)[0])
