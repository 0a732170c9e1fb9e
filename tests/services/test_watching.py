"""What the watching threads write into the log when they cannot look."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mlmagic.services import watch, watch_value

if TYPE_CHECKING:
    import pytest

_SECONDS = 120


class Looking:
    """What is looked at: it fails as the list says, then answers with its last value."""

    def __init__(self, *outcomes: Exception | int) -> None:
        self.outcomes = list(outcomes)
        self.is_over = threading.Event()

    def __call__(self) -> int:
        outcome = self.outcomes[0]
        if len(self.outcomes) > 1:
            del self.outcomes[0]
        else:
            self.is_over.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        f"{record.getMessage()}: {record.exc_info[1] if record.exc_info else '-'}"
        for record in caplog.records
        if record.name == "mlmagic.services.watcher"
    ]


def test_a_lasting_error_is_logged_once_until_it_changes(caplog):
    gone, locked = OSError("the disk is gone"), OSError("the disk is locked")
    look = Looking(gone, gone, locked, 1, gone, gone, 2)
    told: list[int] = []
    seen = threading.Event()

    def tell(value: int) -> None:
        told.append(value)
        if value == 2:
            seen.set()

    end = watch_value(look, tell)
    assert seen.wait(_SECONDS)
    end()
    assert told == [1, 2]
    assert messages(caplog) == [
        "Looking again failed: the disk is gone",
        "Looking again failed: the disk is locked",
        "Looking again failed: the disk is gone",
    ]


class Unreadable:
    """A service whose folder cannot be read for a while."""

    name = "away-svc"

    def __init__(self) -> None:
        self.snapshot = Looking(OSError("a"), OSError("a"), OSError("a"), OSError("b"))


def test_a_service_that_cannot_be_read_is_logged_once_until_that_changes(caplog):
    service = Unreadable()
    others = set(threading.enumerate())
    end = watch(service, lambda _news: None)
    (thread,) = set(threading.enumerate()) - others
    assert service.snapshot.is_over.wait(_SECONDS)
    end()
    thread.join(_SECONDS)
    assert messages(caplog) == [
        "Watching service 'away-svc' failed: a",
        "Watching service 'away-svc' failed: b",
    ]
