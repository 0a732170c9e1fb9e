from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ImagePullError
from mlmagic.images import Reference
from mlmagic.images.client import ATTEMPTS, RegistryClient
from tests.unit.throttling import throttled

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def registry(
    times: int, retry_after: str, status: int = 429
) -> Iterator[tuple[RegistryClient, list[str]]]:
    with throttled(times, retry_after, status=status) as (host, came):
        reference = Reference.parse(f"http://{host}/svc")
        with RegistryClient(reference, ImagePullError) as client:
            yield client, came


@pytest.mark.parametrize("said", ["59", "soon"])
def test_a_registry_is_asked_again_when_it_says(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    with registry(1, said) as (client, came):
        assert client.request("GET", "manifests/1").ok
    assert came == ["GET", "GET"]
    (pause,) = pauses
    assert pause == 59 if said == "59" else pause < 1  # words that are no time are passed over


def test_who_would_wait_for_minutes_is_told_so() -> None:
    with (
        registry(9, "3600") as (client, came),
        pytest.raises(ImagePullError, match="429 Too Many Requests") as caught,
    ):
        client.request("GET", "manifests/1")
    assert "Wait 3600 s, or log in" in (caught.value.hint or "")
    assert len(came) == 1


def test_what_no_standard_knows_is_asked_again_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    with (
        registry(9, "", 522) as (client, came),
        pytest.raises(ImagePullError, match="answered 522 for"),
    ):
        client.request("GET", "manifests/1")
    assert len(came) == len(pauses) + 1 == ATTEMPTS
