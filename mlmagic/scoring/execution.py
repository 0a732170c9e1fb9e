"""One call of run(): the request in, an outcome out; no exception of the user escapes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.call import Refusal
from mlmagic.scoring.dispatch import Interrupted
from mlmagic.scoring.logs import REQUEST_ID, flush_prints
from mlmagic.scoring.outcome import Outcome, from_value, message
from mlmagic.scoring.streaming import AsyncStream, PlainStream, Stream

if TYPE_CHECKING:
    from mlmagic.scoring.call import Call
    from mlmagic.scoring.entry import EntryScript
    from mlmagic.scoring.failure import UserCode

logger = logging.getLogger("azmlinfsrv")
SCRIPT_ERROR = "An unexpected error occurred in scoring script. Check the logs for more info."
INTERNAL_ERROR = "An unexpected internal error occurred. Check the logs for more info."


def score(script: EntryScript, code: UserCode, call: Call) -> Outcome:
    """Read the request, call run(), write its value; errors become outcomes."""
    try:
        arguments = script.arguments(call)
    except Refusal as refusal:
        return Outcome(refusal.status, message(refusal.message))
    began = time.perf_counter()
    try:
        value = execute(script, arguments, call)
    except Interrupted:
        raise
    except BaseException as error:  # noqa: BLE001 - not even SystemExit may end the service
        return script_failed(error, code, call.request_id)
    return written(script, value, (time.perf_counter() - began) * 1000, call.request_id)


async def score_async(script: EntryScript, code: UserCode, call: Call) -> Outcome:
    """Do the same for an async run()."""
    try:
        arguments = script.arguments(call)
    except Refusal as refusal:
        return Outcome(refusal.status, message(refusal.message))
    began = time.perf_counter()
    try:
        value = await execute_async(script, arguments, call)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - as above
        return script_failed(error, code, call.request_id)
    return written(script, value, (time.perf_counter() - began) * 1000, call.request_id)


def execute(script: EntryScript, arguments: dict[str, Any], call: Call) -> Any:
    """Call run(), with its prints and log lines marked with the request's id.

    Returns:
        Its value; a generator as a stream that has run to its first piece.
    """
    token = REQUEST_ID.set(call.request_id)
    try:
        value = script.run(**arguments)
        if isinstance(value, Generator):
            return PlainStream(value, call).begin()
        return value
    finally:
        flush_prints()
        REQUEST_ID.reset(token)


async def execute_async(script: EntryScript, arguments: dict[str, Any], call: Call) -> Any:
    """Do the same for an async run()."""
    REQUEST_ID.set(call.request_id)  # of this task alone
    try:
        value = script.run(**arguments)
        if isinstance(value, AsyncGenerator):
            return await AsyncStream(value, call).begin()
        return await value
    finally:
        flush_prints()


def run_once(script: EntryScript, call: Call) -> bytes:
    """Score one request; what goes wrong is raised.

    Raises:
        Refusal: The request does not fit.
    """
    arguments = script.arguments(call)
    if script.batch is not None:
        (value,) = script.run(**{name: [value] for name, value in arguments.items()})
        if isinstance(value, BaseException):
            raise value
    elif script.coroutines is not None:
        value = script.coroutines.finish(execute_async(script, arguments, call))
    else:
        value = execute(script, arguments, call)
    if isinstance(value, Stream):
        return value.first or b""
    return from_value(value, 0, script.write).body


def script_failed(error: BaseException, code: UserCode, request_id: str) -> Outcome:
    """Log what run() raised; the client is only told that it did."""
    trace = (type(error), error, code.trim(error.__traceback__))
    logger.error("[%s] Exception in run()", request_id, exc_info=trace)
    return Outcome(500, message(SCRIPT_ERROR), failed=True)


def written(script: EntryScript, value: Any, milliseconds: float, request_id: str) -> Outcome:
    """Make an outcome of what run() returned; one that cannot be written is our error."""
    if isinstance(value, Stream):
        fields = ((b"content-type", value.media_type),)
        return Outcome(200, b"", headers=fields, stream=value)
    try:
        return from_value(value, milliseconds, script.write)
    except Exception:
        logger.exception("[%s] What run() returned cannot be written as JSON", request_id)
        return Outcome(500, message(INTERNAL_ERROR))
