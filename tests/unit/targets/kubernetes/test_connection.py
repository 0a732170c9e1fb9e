from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlmagic.errors import TargetUnavailableError
from mlmagic.targets.kubernetes import connection
from mlmagic.targets.kubernetes.connection import Place
from mlmagic.targets.kubernetes.faults import ForbiddenError
from mlmagic.targets.kubernetes.limit_ranges import examine_limits
from mlmagic.targets.kubernetes.quotas import our_quotas
from tests.engine.serving import Serving
from tests.unit.throttling import throttled

if TYPE_CHECKING:
    from pathlib import Path


def kubeconfig(host: str, folder: Path) -> Place:
    def named(kind: str, **content: Any) -> dict[str, Any]:
        return {f"{kind}s": [{"name": "busy", kind: content}]}

    content = named("cluster", server=f"http://{host}") | named("user")
    content |= named("context", cluster="busy", user="busy") | {"current-context": "busy"}
    (folder / "config").write_text(yaml.safe_dump(content))
    return Place(kubeconfig=str(folder / "config"))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Instead of waiting, keep how long."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


def test_a_busy_api_server_is_asked_again_when_it_says(tmp_path: Path, pauses: list[float]) -> None:
    with throttled(2, "9") as (host, came):
        connection.connect(kubeconfig(host, tmp_path)).patch("Deployment", "svc", {})
    assert (len(came), pauses) == (3, [9, 9])


@pytest.mark.parametrize(("said", "waited"), [("soon", [1, 1, 1, 1]), ("11", [])])
def test_an_api_server_that_stays_busy_is_told(
    tmp_path: Path, pauses: list[float], said: str, waited: list[float]
) -> None:
    with throttled(99, said) as (host, came):
        asked = connection.connect(kubeconfig(host, tmp_path))
        with pytest.raises(TargetUnavailableError, match=r"\(429\)"):
            asked.get("Deployment", "svc")
    assert pauses == waited
    assert len(came) == 1 + len(waited)


def test_what_a_busy_server_does_not_tell_is_not_taken_for_nothing(
    tmp_path: Path,
) -> None:
    with throttled(99, "11") as (host, _):
        asked = connection.connect(kubeconfig(host, tmp_path))
        for look in (our_quotas, lambda of: list(examine_limits(of))):
            with pytest.raises(TargetUnavailableError, match=r"\(429\)"):
                look(asked)


class BreaksOff(BaseHTTPRequestHandler):
    """An API server that goes while a watch runs, and forbids all when it comes back."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        watched = "watch=true" in self.path
        self.send_response(200 if watched else 403)
        self.send_header(
            *(("Transfer-Encoding", "chunked") if watched else ("Content-Length", "0"))
        )
        self.end_headers()
        self.close_connection = watched

    def log_message(self, *_: object) -> None:
        pass


def test_after_a_watch_that_broke_off_a_refusal_may_pass(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BreaksOff)
    with Serving(server):
        place = kubeconfig(f"127.0.0.1:{server.server_port}", tmp_path)
        asked = connection.connect(place)
        with pytest.raises(ForbiddenError):
            asked.list("Pod")
        with pytest.raises(TargetUnavailableError, match="prematurely"):
            list(asked.watch("Pod", "1"))
        with pytest.raises(TargetUnavailableError, match="it has just come up"):
            asked.list("Pod")
