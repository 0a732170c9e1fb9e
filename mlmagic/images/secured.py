"""The client of an engine: trusts the authority that was named for it, and knows Podman's ways."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from docker import APIClient, DockerClient

if TYPE_CHECKING:
    from requests import Response

_GONE = "no such container"


class SecuredClient(DockerClient):
    """Docker's client, where ``REQUESTS_CA_BUNDLE`` does not take ``DOCKER_CERT_PATH``'s place.

    Args:
        **options: Those of Docker's.
    """

    def __init__(self, **options: Any) -> None:
        self.api = _Api(**options)


class _Api(APIClient):
    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """See `requests.Session`, which asks the environment before the session."""
        chosen = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, chosen, cert)

    def _raise_for_status(self, response: Response) -> None:
        """Podman says 500 of a container that goes at that very moment; it means 404."""
        if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR and _GONE in response.text:
            response.status_code = HTTPStatus.NOT_FOUND
        super()._raise_for_status(response)  # type: ignore[misc]  # the stubs do not tell it
