"""What the supervisor of a local service says of itself."""

from __future__ import annotations

import pytest

from mlmagic.targets.observing import Author, SupervisorState


def saying(phase: str) -> SupervisorState:
    return SupervisorState(supervisor=Author(pid=1), phase=phase, address="0.0.0.0", port=5001)


def test_any_address_is_reached_on_loopback():
    assert saying("serving").base_uri == "http://127.0.0.1:5001"


@pytest.mark.parametrize("phase", ["failed", "stopping", "stopped"])
def test_a_service_that_is_about_to_end_has_no_address(phase):
    # It showed one for the moment between a failed start and its end.
    assert saying(phase).base_uri is None
