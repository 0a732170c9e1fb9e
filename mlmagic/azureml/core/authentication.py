"""``azureml.core.authentication``: accepted, and not needed: nothing here is far away."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from mlmagic.azureml.coverage import differs, refuse, refused_class

_NOTHING = "Accepted and not used: a workspace is a folder, its permissions are the file system's"
_WAY = "Nothing here asks for a token: leave the call out."


class Audience(Enum):
    """Whom a token was for."""

    ARM = "ARM"
    AZUREML = "AZUREML"


class AccessToken(NamedTuple):
    """What a user's function returned to v1."""

    token: str
    expires_on: int


@differs(_NOTHING)
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


@differs(_NOTHING)
class TokenAuthentication(AbstractAuthentication):
    """Signing in with tokens that a function of the user fetches; it is not called."""

    def __init__(self, get_token_for_audience: Any, cloud: str | None = None) -> None:
        super().__init__(cloud)


ArmTokenAuthentication = refused_class("ArmTokenAuthentication", _WAY)
AzureMLTokenAuthentication = refused_class("AzureMLTokenAuthentication", _WAY)
