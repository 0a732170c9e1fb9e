"""One repository of a registry: `oras` speaks the protocol, and this is what it leaves open.

That is whom the credentials are for, the certificates that are trusted, patience, and the words of
errors. Credentials come from the Docker configuration and its helpers, proxies and certificates
from the environment, as for ``docker push``.
"""

from __future__ import annotations

import inspect
import os
import ssl
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin

import requests
from oras.auth import TokenAuth, auth_backends
from oras.auth.utils import parse_auth_header
from oras.container import Container
from oras.provider import Registry
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

from mlmagic.addresses import retry_after
from mlmagic.images.credentials import Credentials, find_credentials
from mlmagic.images.reference import HUB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oras.auth.utils import authHeader

    from mlmagic.errors import ImageError
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
# By itself it asks again at fixed times, whatever the registry says; here, `request` does.
_once = inspect.unwrap(Registry.do_request)


class RegistryClient(Registry):
    """Talks with one repository.

    Args:
        reference: Its name; tag and digest do not count.
        kind: The class of errors.
        actions: What it shall be allowed to do: ``pull``, or ``pull,push``.
        credentials: What is shown to it; None takes what the Docker configuration has.
        attempts: How often it is asked, where nothing else is said.
    """

    auth: _Tokens

    def __init__(
        self,
        reference: Reference,
        kind: type[ImageError],
        actions: str = "pull",
        *,
        credentials: Credentials | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        host = _HUB_ADDRESS if reference.host == HUB else reference.host
        super().__init__(host, auth_backend=_Tokens.name)
        self.reference = reference
        self._kind = kind
        self._attempts = attempts
        self.session.mount("http://", _Patient())
        self.session.mount("https://", _Secured(reference.host, kind))
        self.session.auth = self.auth  # also keeps requests from sending what a .netrc says
        found = credentials or find_credentials(reference.host, kind)
        self.prefix = self._find_scheme()
        self.auth.know(found, f"{self.prefix}://{host}/")
        self.auth.allow(f"repository:{reference.repository}:{actions}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.session.close()

    def place(self, digest: str = "") -> Container:
        """Name something of the repository for oras, by the reference's tag if not by digest."""
        digest = digest or self.reference.digest
        end = f"@{digest}" if digest else ""
        # Any name with a dot; it takes one without for a part of the repository's.
        found = Container(f"a.registry/{self.reference.repository}:{self.reference.tag}{end}")
        found.registry = self.hostname
        return found

    def allow_pull(self, repository: str) -> None:
        """Ask for the right to read another repository too, to mount from it."""
        self.auth.allow(f"repository:{repository}:pull")

    def sign_in(self) -> None:
        """Show who we are, and ask for nothing.

        Raises:
            ImageError: Of the kind given; it does not take the credentials, or does not answer.
        """
        self.request("GET", "/v2/", attempts=1)

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        json: Any = None,
        stream: bool = False,  # noqa: FBT001, FBT002 # as oras calls it
    ) -> requests.Response:
        """Ask on behalf of oras, which takes an answer to HEAD for what it says."""
        del json
        allow = (HTTPStatus.NOT_FOUND,) if method == "HEAD" else ()
        return self.request(method, url, data=data, headers=headers, stream=stream, allow=allow)

    def request(
        self,
        method: str,
        path: str,
        *,
        data: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        allow: tuple[int, ...] = (),
        attempts: int | None = None,
    ) -> requests.Response:
        """Ask the registry; what passes by itself is tried again.

        Args:
            method: The HTTP method.
            path: Below ``/v2/REPOSITORY/``, or an address as the registry gave it.
            data: The body; an iterable has a length, and can be read again.
            headers: Headers.
            stream: Leave the body to be read piece by piece.
            allow: Statuses besides 2xx that the caller handles.
            attempts: How often it is tried; None is as often as this client tries.

        Raises:
            ImageError: Of the kind given; it refused, or does not answer.
        """
        url = urljoin(f"{self.prefix}://{self.hostname}/v2/{self.reference.repository}/", path)
        attempts = attempts or self._attempts
        for left in reversed(range(attempts)):
            pause = 0.2 * 2 ** (attempts - left)
            try:
                answer = self._ask(method, url, data=data, headers=headers or {}, stream=stream)
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

    def _ask(
        self, method: str, url: str, *, headers: Mapping[str, str], **parts: Any
    ) -> requests.Response:
        try:
            answer: requests.Response = _once(self, url, method, headers={**headers}, **parts)
        except _RefusedError as error:
            return error.answer
        return answer

    def _find_scheme(self) -> str:
        """Choose: TLS, but for loopback and where the name says ``http://``."""
        if self.reference.plain:
            return "http"
        if self.reference.is_loopback:
            try:
                self.session.head(f"https://{self.hostname}/v2/")
            except requests.exceptions.SSLError as error:
                if not _certificate_fault(error):
                    return "http"
            except requests.RequestException:
                return "http"
        return "https"


class _RefusedError(Exception):
    """An answer that no other credentials change; oras keeps it to itself."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__()
        self.answer = answer


class _Tokens(TokenAuth):
    """Tokens for all that shall be done; who is not the registry gets to see none."""

    name = "mlmagic"
    token: str | None

    def __init__(self) -> None:
        super().__init__()
        self.registry = self.basic_at = ""  # the beginnings of addresses
        self.credentials = Credentials()
        self.scopes: set[str] = set()

    def know(self, credentials: Credentials, registry: str) -> None:
        """Take what is shown, and the address of the registry that it is for."""
        self.credentials, self.registry = credentials, registry

    def allow(self, scope: str) -> None:
        """Ask for another right; it is in none of the tokens so far."""
        if scope not in self.scopes:
            self.scopes.add(scope)
            self.token = None

    def load_configs(self, container: object, configs: object = None) -> None:
        """Leave Docker's configuration alone; the official client has read it."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Let requests show an address what is for it."""
        url, basic = request.url or "", self.credentials.basic
        if basic is not None and self.basic_at and url.startswith(self.basic_at):
            basic(request)
        elif not url.startswith(self.registry):
            request.headers.pop("Authorization", None)
        return request

    def authenticate_request(
        self,
        original: requests.Response,
        headers: dict[str, str],
        refresh: bool = False,  # noqa: FBT001, FBT002 # as oras calls it
    ) -> tuple[dict[str, str], bool]:
        """Do what a refusal asks for."""
        del refresh
        challenge = original.headers.get("WWW-Authenticate", "")
        scheme, asked = challenge.partition(" ")[0].lower(), parse_auth_header(challenge)
        again = False
        if scheme == "basic":
            again = self.credentials.basic is not None and not self.basic_at
            self.basic_at = self.registry
        elif scheme == "bearer" and asked.realm:
            self.token = self.request_token(asked)
            again = self.token is not None
        if not again:
            raise _RefusedError(original)
        original.close()
        return {**headers, **self.get_auth_header()}, True

    def request_token(self, h: authHeader) -> str | None:
        """See https://distribution.github.io/distribution/spec/auth/."""
        h.scope = sorted(self.scopes)  # of more than the repository that was refused
        if (token := self.credentials.identity_token) is None:
            self.basic_at = h.realm
            found: str | None = super().request_token(h)
            return found
        data = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": "mlmagic",
            "service": h.service or "",
            "scope": " ".join(h.scope),
        }
        answer = self.session.post(h.realm, data=data)
        content = answer.json() if answer.ok else {}
        return content.get("token") or content.get("access_token")


auth_backends[_Tokens.name] = _Tokens


class _Patient(HTTPAdapter):
    """Waits for a registry for some time, and not for ever."""

    def send(self, request: requests.PreparedRequest, *given: Any, **options: Any) -> Any:
        # A body is sent under the first of them.
        options["timeout"] = (READ_SECONDS if request.body else CONNECT_SECONDS, READ_SECONDS)
        return super().send(request, *given, **options)


class _Secured(_Patient):
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
