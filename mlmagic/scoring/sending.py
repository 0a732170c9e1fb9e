"""Sends an answer piece by piece, as long as the client listens."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.execution import SCRIPT_ERROR, script_failed
from mlmagic.scoring.outcome import message
from mlmagic.scoring.streaming import EVENTS

if TYPE_CHECKING:
    from mlmagic.scoring.coroutines import Coroutines
    from mlmagic.scoring.dispatch import Dispatcher
    from mlmagic.scoring.failure import UserCode
    from mlmagic.scoring.reply import Request, Send
    from mlmagic.scoring.streaming import Stream


async def send_stream(
    request: Request,
    stream: Stream,
    dispatcher: Dispatcher | Coroutines,
    send: Send,
    seconds: float,
    code: UserCode,
) -> None:
    """Send the pieces; each may take as long as a whole call of run() might.

    After an error the connection is cut, so that the client knows that pieces are missing;
    readers of events are told.
    """
    gone = asyncio.ensure_future(_until_gone(request))
    call: Any = dispatcher.call
    try:
        piece = stream.first
        while piece is not None and not gone.done():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await call(stream.advance, seconds)
        await send({"type": "http.response.body", "body": b""})
    except Exception as error:  # noqa: BLE001 - of run(), or a piece that took too long
        script_failed(error, code, request.request_id)
        if stream.media_type == EVENTS:
            last = b"event: error\ndata: " + message(SCRIPT_ERROR) + b"\n\n"
            await send({"type": "http.response.body", "body": last})
    finally:
        gone.cancel()
        with contextlib.suppress(Exception):
            await call(stream.close, seconds)


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
