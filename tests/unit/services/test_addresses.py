"""Where the user's browser reaches a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic.addresses import connection_to
from mlmagic.services.addresses import for_browser

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server of a JupyterHub, with its proxy installed."""
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    monkeypatch.delenv("JUPYTERHUB_PUBLIC_URL", raising=False)
    (tmp_path / "jupyter_server_proxy.py").touch()
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
@pytest.mark.usefixtures("hub")
def test_a_hub_leads_to_a_service_beside_it(host: str) -> None:
    assert for_browser(f"http://{host}:20001") == "/user/ann/proxy/20001"
    assert for_browser(f"http://{host}:20001/api/svc") == "/user/ann/proxy/20001/api/svc"


@pytest.mark.parametrize(
    "base",
    [
        "http://engine.example.org:20001",  # an engine elsewhere
        "http://10.1.2.3:20001",
        "https://models.example.org/api/v1/service/svc",  # an ingress
    ],
)
@pytest.mark.usefixtures("hub")
def test_a_hub_does_not_lead_to_a_service_elsewhere(base: str) -> None:
    assert for_browser(base) == base


@pytest.mark.parametrize(
    ("uri", "host", "port"),
    [
        ("http://[fd00:10:96::417d]", "fd00:10:96::417d", 80),
        ("https://[fd00::7]", "fd00::7", 443),
        ("http://[fd00::7]:30703", "fd00::7", 30703),
        ("http://svc.example.com/path", "svc.example.com", 80),
    ],
)
def test_where_an_address_leads(uri: str, host: str, port: int) -> None:
    connection = connection_to(uri, seconds=1)
    assert (connection.host, connection.port) == (host, port)
