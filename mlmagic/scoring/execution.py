"""One call of run(): the request in, an outcome out; no exception of the user escapes."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.dispatch import Interrupted
from mlmagic.scoring.logs import REQUEST_ID, flush_prints

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.scoring.failure import UserCode
    from mlmagic.scoring.script import EntryScript

logger = logging.getLogger("azmlinfsrv")
SCRIPT_ERROR = "An unexpected error occurred in scoring script. Check the logs for more info."
INTERNAL_ERROR = "An unexpected internal error occurred. Check the logs for more info."


@dataclass(slots=True)
class Outcome:
    """What came of one request.

    Attributes:
        milliseconds: Duration of run(), where it completed.
        failed: Whether run() itself failed.
    """

    status: int
    body: bytes
    milliseconds: float | None = None
    failed: bool = False


def encode(value: Any) -> bytes:
    """Encode what run() returned."""
    return json.dumps(value).encode()


def message(text: str) -> bytes:
    """Encode an error for the client."""
    return json.dumps({"message": text}).encode()


def execute(
    script: EntryScript, data: str, headers: Callable[[], dict[str, str]], request_id: str
) -> Any:
    """Call run(), with its prints and log lines marked with the request's id."""
    token = REQUEST_ID.set(request_id)
    try:
        return script.score(data, headers)
    finally:
        flush_prints()
        REQUEST_ID.reset(token)


def score(
    script: EntryScript,
    code: UserCode,
    body: bytes | str,
    headers: Callable[[], dict[str, str]],
    request_id: str,
) -> Outcome:
    """Decode the body, call run(), encode its value; errors become outcomes."""
    try:
        data = body if isinstance(body, str) else body.decode("utf-8")
    except UnicodeDecodeError as error:
        return Outcome(400, message(f"POST body is not valid UTF-8 (at byte {error.start})."))
    began = time.perf_counter()
    try:
        value = execute(script, data, headers, request_id)
    except Interrupted:
        raise
    except BaseException as error:  # not even SystemExit may end the service
        trace = (type(error), error, code.trim(error.__traceback__))
        logger.error("[%s] Exception in run()", request_id, exc_info=trace)  # noqa: TRY400 - trimmed
        return Outcome(500, message(SCRIPT_ERROR), failed=True)
    milliseconds = (time.perf_counter() - began) * 1000
    try:
        return Outcome(200, encode(value), milliseconds)
    except Exception:
        logger.exception("[%s] What run() returned cannot be written as JSON", request_id)
        return Outcome(500, message(INTERNAL_ERROR), milliseconds)
