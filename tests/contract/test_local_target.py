from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.entities import Reason, ServiceState

if TYPE_CHECKING:
    from mlmagic.testing import ServiceKit


def test_a_service_lives_and_is_deleted(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(sample=b"[1]"))
    assert service.outcome == "created"
    lines: list[str] = []
    service.wait_for_deployment(timeout_sec=30, on_event=lines.append)
    print(lines)
    print(service)
    assert service.state is ServiceState.HEALTHY
    assert service.status.reason is Reason.READY
    assert service.run({"a": 1}) == {"a": 1}
    service.delete()
    assert service.state is ServiceState.DELETED
    assert not (kit.root / "svc").exists()
