from __future__ import annotations

import pytest

from mlmagic.entities import Reason, ServiceState, ServiceStatus
from mlmagic.services.diagnosis import commands, in_words


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words(reason: Reason) -> None:
    status = ServiceStatus(state=ServiceState.FAILED, reason=reason, message="ValueError: 3")
    told = in_words(status, "iris")
    assert told.message.endswith("ValueError: 3.")
    assert "{" not in told.next_step
    assert in_words(ServiceStatus(state=ServiceState.FAILED, reason=reason, message=""), "iris")


@pytest.mark.parametrize(
    ("state", "reason", "first"),
    [
        (ServiceState.HEALTHY, Reason.READY, "%ml service run iris"),
        (ServiceState.UNHEALTHY, Reason.STOPPED, "%ml service start iris"),
        (ServiceState.FAILED, Reason.HOST_RESTARTED, "%ml service start iris"),
        (ServiceState.FAILED, Reason.INIT_FAILED, "%ml service logs iris --tail 50"),
        (ServiceState.DELETED, Reason.STOPPED, "%ml service list"),
    ],
)
def test_the_most_useful_command_comes_first(
    state: ServiceState, reason: Reason, first: str
) -> None:
    status = ServiceStatus(state=state, reason=reason, message="")
    assert commands(status, "iris")[0] == first
