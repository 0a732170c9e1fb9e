"""One request before the service calls itself ready."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.call import Call, Refusal
from mlmagic.scoring.contract import Example
from mlmagic.scoring.execution import run_once
from mlmagic.scoring.failure import StartFailure, describe
from mlmagic.scoring.status import RESULT_LIMIT

if TYPE_CHECKING:
    from mlmagic.scoring.entry import EntryScript
    from mlmagic.scoring.settings import Settings
    from mlmagic.scoring.status import Status


def score_sample(script: EntryScript, settings: Settings, status: Status) -> Example:
    """Score the sample that was registered.

    Raises:
        StartFailure: It cannot be read, or not be scored.
    """
    assert settings.sample is not None  # noqa: S101 - told to the type checker
    try:
        body = settings.sample.read_bytes()
    except OSError as error:
        message = f"The sample '{settings.sample}' cannot be read: {error.strerror}."
        raise StartFailure("SampleFailed", message) from error
    return score_body(script, settings, status, body)


def score_body(script: EntryScript, settings: Settings, status: Status, body: bytes) -> Example:
    """Score one request, and tell how it went.

    Raises:
        StartFailure: It cannot be scored.
    """
    began = time.perf_counter()
    answer = _score_once(script, Call(_sample_scope(settings), body, "sample"))
    text = answer.decode(errors="replace")
    milliseconds = (time.perf_counter() - began) * 1000
    status.enter("sample", sample_ms=round(milliseconds, 3), sample_result=text[:RESULT_LIMIT])
    return Example(body, answer)


def _sample_scope(settings: Settings) -> dict[str, Any]:
    return {
        "method": "POST",
        "path": "/score",
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(b"content-type", settings.sample_type.encode())],
    }


def _score_once(script: EntryScript, call: Call) -> bytes:
    """Score a request as run() itself would see it fail.

    Raises:
        StartFailure: The request does not fit, run() raised, or its value cannot be written.
    """
    try:
        return run_once(script, call)
    except Refusal as refusal:
        raise StartFailure("SampleFailed", refusal.message) from refusal
    except BaseException as error:
        reason = "OutOfMemory" if isinstance(error, MemoryError) else "SampleFailed"
        raise StartFailure(reason, describe(error), error) from error
