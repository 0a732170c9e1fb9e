"""One repository of a registry, by the distribution protocol of OCI.

Credentials come from the Docker configuration and its helpers, proxies and certificates from the
environment, as for ``docker push``; `requests` and the official client carry both.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import os
import re
import ssl
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

from mlmagic.addresses import retry_after
from mlmagic.images.credentials import find_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmagic.errors import ImageError
    from mlmagic.images.credentials import Credentials
    from mlmagic.images.reference import Reference

CONNECT_SECONDS, READ_SECONDS = 10, 60
ATTEMPTS, LONGEST_PAUSE_SECONDS = 4, 60.0
_HUB_ADDRESS = "registry-1.docker.io"
# What a registry says again, however often it is asked.
FINAL = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
)
_CERTIFICATES = ("/etc/docker/certs.d", "~/.docker/certs.d")


class RegistryClient:
    """Talks with one repository.

    Args:
        reference: Its name; tag and digest do not count.
        kind: The class of errors.
        actions: What it shall be allowed to do: ``pull``, or ``pull,push``.
        credentials: What is shown to it; None takes what the Docker configuration has.
    """

    def __init__(
        self,
        reference: Reference,
        kind: type[ImageError],
        actions: str = "pull",
        *,
        credentials: Credentials | None = None,
    ) -> None:
        self.reference = reference
        self._kind = kind
        self._scopes = {f"repository:{reference.repository}:{actions}"}
        self._session = requests.Session()
        self._tokens: dict[tuple[str, ...], str] = {}
        self._credentials = credentials or find_credentials(reference.host, kind)
        self._basic = False
        self._session.mount("https://", _Secured(reference.host, kind))
        self._base = self._find_base()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def allow_pull(self, repository: str) -> None:
        """Ask for the right to read another repository too, to mount from it."""
        self._scopes.add(f"repository:{repository}:pull")

    def sign_in(self) -> None:
        """Show who we are, and ask for nothing.

        Raises:
            ImageError: Of the kind given; it does not take the credentials, or does not answer.
        """
        self.request("GET", "/v2/", attempts=1)

    def request(
        self,
        method: str,
        path: str,
        *,
        data: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        stream: bool = False,
        allow: tuple[int, ...] = (),
        attempts: int = ATTEMPTS,
    ) -> requests.Response:
        """Ask the registry; what passes by itself is tried again.

        Args:
            method: The HTTP method.
            path: Below ``/v2/REPOSITORY/``, or an address that the registry gave.
            data: The body; an iterable has a length, and can be read again.
            headers: Headers.
            params: Query.
            stream: Leave the body to be read piece by piece.
            allow: Statuses besides 2xx that the caller handles.
            attempts: How often it is tried.

        Raises:
            ImageError: Of the kind given; it refused, or does not answer.
        """
        url = self._url(path)
        for left in reversed(range(attempts)):
            pause = 0.2 * 2 ** (attempts - left)
            try:
                answer = self._authorised(
                    method, url, data=data, headers=headers or {}, params=params, stream=stream
                )
            except requests.RequestException as error:
                if left == 0 or _is_final(error):
                    raise self.unreachable(error) from error
            else:
                if answer.ok or answer.status_code in allow:
                    return answer
                passing = answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or (
                    answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
                )
                wait = retry_after(answer.headers)
                if left == 0 or not passing or wait > LONGEST_PAUSE_SECONDS:
                    raise self._refused(answer, wait)
                answer.close()
                pause = max(pause, wait)
            time.sleep(pause)
        raise AssertionError  # the last attempt returns or raises

    def _refused(self, answer: requests.Response, wait: float) -> ImageError:
        """Put a refusal into words."""
        status = answer.status_code  # HTTPStatus does not know those of proxies, such as 522
        told = f"{status} {answer.reason or ''}".rstrip()
        after = f" {wait:.0f} s" if wait else ""
        hints: dict[int, str] = {
            HTTPStatus.UNAUTHORIZED: f"Log in: docker login {self.reference.host}.",
            HTTPStatus.FORBIDDEN: "These credentials have not the right to do this there; ask the "
            "owner of the registry, or log in as somebody else.",
            HTTPStatus.NOT_FOUND: "Check the name and the tag; some registries want the repository "
            "to be created first.",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "It, or a proxy before it, limits the size of a "
            "request (client_max_body_size of nginx): ask its owner for 4 MiB or more.",
            HTTPStatus.TOO_MANY_REQUESTS: f"Wait{after}, or log in for a higher limit.",
        }
        said = _said(answer)
        error = self._kind(
            f"The registry '{self.reference.host}' answered {told} for "
            f"'{self.reference.repository}'{f': {said}' if said else ''}.",
            hint=hints.get(status, "Try again later, or ask the owner of the registry."),
        )
        error.status = status
        error.retry_after = wait
        return error

    def unreachable(self, error: Exception) -> ImageError:
        """Put a failed connection into words."""
        if _fell_silent(error):
            return self._kind(
                f"The registry '{self.reference.host}' stopped answering: nothing came for "
                f"{READ_SECONDS} s.",
                hint="Nothing half made stays; try again. If it stays so, look at the network and "
                "the proxy in the way, or ask the owner of the registry.",
            )
        text = _innermost(error)
        hint = "Check the name, the network and the proxy settings (HTTPS_PROXY, NO_PROXY)."
        if _certificate_fault(error):
            hint = (
                "Put the certificate of its authority at "
                f"~/.docker/certs.d/{self.reference.host}/ca.crt or in "
                f"/etc/docker/certs.d/{self.reference.host}, or name it in REQUESTS_CA_BUNDLE."
            )
        return self._kind(
            f"The registry '{self.reference.host}' cannot be reached: {text}.", hint=hint
        )

    def _url(self, path: str) -> str:
        if path.startswith(("http://", "https://")):
            return path
        if path.startswith("/"):
            return f"{self._base}{path}"
        return f"{self._base}/v2/{self.reference.repository}/{path}"

    def _authorised(
        self, method: str, url: str, *, headers: Mapping[str, str], **parts: Any
    ) -> requests.Response:
        answer = self._send(method, url, headers, parts)
        if answer.status_code != HTTPStatus.UNAUTHORIZED:
            return answer
        if not self._answer_challenge(answer.headers.get("WWW-Authenticate", "")):
            return answer
        answer.close()
        return self._send(method, url, headers, parts)

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], parts: Mapping[str, Any]
    ) -> requests.Response:
        ours = url.startswith(self._base)  # credentials go nowhere else
        token = self._tokens.get(tuple(sorted(self._scopes)))
        extra = {"Authorization": f"Bearer {token}"} if ours and token else {}
        return self._session.request(
            method,
            url,
            headers={**headers, **extra},
            auth=self._credentials.basic if ours and self._basic else _no_authorisation,
            # A body is sent under the first of them.
            timeout=(READ_SECONDS if parts.get("data") else CONNECT_SECONDS, READ_SECONDS),
            **parts,
        )

    def _answer_challenge(self, challenge: str) -> bool:
        """Do what a 401 asks for; whether it is worth asking again."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            again = self._credentials.basic is not None and not self._basic
            self._basic = self._basic or again
            return again
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if scheme.lower() != "bearer" or "realm" not in fields:
            return False
        scopes = tuple(sorted(self._scopes))
        answer = self._ask_for_token(fields["realm"], fields.get("service", ""), scopes)
        if not answer.ok:
            return False
        content = answer.json()
        self._tokens[scopes] = content.get("token") or content.get("access_token") or ""
        return bool(self._tokens[scopes])

    def _ask_for_token(
        self, realm: str, service: str, scopes: tuple[str, ...]
    ) -> requests.Response:
        """See https://distribution.github.io/distribution/spec/auth/."""
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        if token := self._credentials.identity_token:
            data = {
                "grant_type": "refresh_token",
                "refresh_token": token,
                "client_id": "mlmagic",
                "service": service,
                "scope": " ".join(scopes),
            }
            return self._session.post(realm, data=data, auth=_no_authorisation, timeout=timeout)
        params = [
            *(("scope", scope) for scope in scopes),
            *([("service", service)] * bool(service)),
        ]
        auth = self._credentials.basic or _no_authorisation
        return self._session.get(realm, params=params, auth=auth, timeout=timeout)

    def _find_base(self) -> str:
        """Choose the scheme: TLS, but for loopback and where the name says ``http://``."""
        host = _HUB_ADDRESS if self.reference.host == "docker.io" else self.reference.host
        if self.reference.plain:
            return f"http://{host}"
        if self.reference.is_loopback:
            try:
                self._session.head(f"https://{host}/v2/", timeout=(CONNECT_SECONDS, READ_SECONDS))
            except requests.exceptions.SSLError as error:
                if not _certificate_fault(error):
                    return f"http://{host}"
            except requests.RequestException:
                return f"http://{host}"
        return f"https://{host}"


def _no_authorisation(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from sending what a .netrc says of the host."""
    return request


class _Secured(HTTPAdapter):
    """Trusts whom Docker trusts, besides what ``REQUESTS_CA_BUNDLE`` names.

    That is whom the system trusts, or ``SSL_CERT_FILE`` in its place, and the host's authorities.
    """

    def __init__(self, host: str, kind: type[ImageError]) -> None:
        self._context = create_urllib3_context()
        self._context.load_default_certs()
        # Not Path.expanduser, which raises for who has no home.
        folders = [Path(os.path.expanduser(each), host) for each in _CERTIFICATES]  # noqa: PTH111
        for file in (each for folder in folders for each in folder.glob("*.crt")):
            try:
                self._context.load_verify_locations(file)
            except OSError as error:
                raise kind(
                    f"The certificate '{file}' cannot be read: {error.strerror}.",
                    hint="Let it be readable, in PEM; or take it away.",
                ) from error
        super().__init__()

    def init_poolmanager(self, *given: Any, **options: Any) -> None:
        super().init_poolmanager(*given, ssl_context=self._context, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **options)


def _said(answer: requests.Response) -> str:
    try:
        errors = answer.json()["errors"]
        return "; ".join(str(each.get("message") or each["code"]) for each in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    pending: list[BaseException] = [error]
    while pending:
        each = pending.pop(0)
        if each in found:
            continue
        found.append(each)
        more = [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
        pending += [other for other in more if isinstance(other, BaseException)]
    return found


def _certificate_fault(error: BaseException) -> bool:
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error))


def _fell_silent(error: BaseException) -> bool:
    """Whether a server that was reached says no more, whichever layer noticed."""
    causes = _causes(error)
    if any(isinstance(each, ConnectTimeoutError) for each in causes):
        return False
    silence = (requests.ReadTimeout, ReadTimeoutError, TimeoutError)
    return any(isinstance(each, silence) for each in causes)


def _is_final(error: requests.RequestException) -> bool:
    return _certificate_fault(error) or isinstance(error, requests.exceptions.InvalidURL)


def _innermost(error: Exception) -> str:
    causes = _causes(error)
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({each.verify_message})"
    if isinstance(error, requests.Timeout):
        return "it does not answer in time"
    words = [each.strerror for each in causes if isinstance(each, OSError) and each.strerror]
    said = (words or [str(causes[-1])])[-1].rstrip(".")
    by_proxy = isinstance(error, requests.exceptions.ProxyError)
    return f"the proxy in the way says: {said}" if by_proxy else said
