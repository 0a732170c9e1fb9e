"""``azureml.core.authentication``: accepted, and not needed: nothing here is far away."""

from __future__ import annotations

from typing import Any

from mlmagic.azureml.coverage import differs, refuse

_NOTHING = "Accepted and not used: a workspace is a folder, its permissions are the file system's"
_WAY = "Nothing here asks for a token: leave the call out."


@refuse(_WAY, "get_authentication_header", "get_token", "signed_session")
class AbstractAuthentication:
    """What v1's ways to sign in have in common."""

    def __init__(self, cloud: str | None = None) -> None:
        self.cloud = cloud


@differs(_NOTHING)
class InteractiveLoginAuthentication(AbstractAuthentication):
    """Signing in by a browser."""

    def __init__(
        self,
        force: bool = False,
        tenant_id: str | None = None,
        cloud: str | None = None,
    ) -> None:
        super().__init__(cloud)


@differs(_NOTHING)
class AzureCliAuthentication(AbstractAuthentication):
    """Signing in by the command line."""


@differs(_NOTHING)
class ServicePrincipalAuthentication(AbstractAuthentication):
    """Signing in as a service principal; the password is not kept."""

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = "AzureCloud",
        _enable_caching: bool = True,
    ) -> None:
        super().__init__(cloud)


@differs(_NOTHING)
class MsiAuthentication(AbstractAuthentication):
    """Signing in as a machine."""

    def __init__(self, cloud: str | None = None, **_: Any) -> None:
        super().__init__(cloud)
