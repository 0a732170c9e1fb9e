from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlmagic.errors import TargetUnavailableError
from mlmagic.targets.kubernetes import connection
from mlmagic.targets.kubernetes.connection import Place
from mlmagic.targets.kubernetes.limit_ranges import examine_limits
from mlmagic.targets.kubernetes.quotas import our_quotas
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
