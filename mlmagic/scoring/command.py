"""The command line of the server."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import TYPE_CHECKING

from mlmagic.scoring.application import Application
from mlmagic.scoring.failure import START_FAILED, StartFailure
from mlmagic.scoring.keys import KeyFile
from mlmagic.scoring.lifeline import watch_lifeline
from mlmagic.scoring.listening import is_loopback, listen
from mlmagic.scoring.logs import configure
from mlmagic.scoring.settings import Settings, read_settings
from mlmagic.scoring.startup import start, user_code
from mlmagic.scoring.status import Status

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

logger = logging.getLogger("azmlinfsrv")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, or check, one entry script.

    Returns:
        0 after a drain, 3 when the server did not start.
    """
    settings = read_settings(arguments, os.environ)
    if settings.lifeline is not None:
        watch_lifeline(settings.lifeline)
    status = Status(settings.status_file, settings.generation)
    try:
        _configure_logs(settings)
        _enter_app_root(settings)
        return _check(settings, status) if settings.check else _serve(settings, status)
    except StartFailure as failure:
        if status.stage != "failed":  # failures of the script are told where they happen
            status.fail(failure, user_code(settings))
            logger.error("%s: %s", failure.reason, failure.message)  # noqa: TRY400 - ours
        return START_FAILED


def _configure_logs(settings: Settings) -> None:
    try:
        configure(settings.log_level, [settings.app_root, settings.entry_script.parent])
    except (ValueError, OSError) as error:
        message = f"The file 'logging.json' cannot be used: {error}."
        raise StartFailure("ConfigurationError", message) from error


def _enter_app_root(settings: Settings) -> None:
    try:
        os.chdir(settings.app_root)
    except OSError as error:
        message = f"The app root '{settings.app_root}' cannot be entered: {error.strerror}."
        raise StartFailure("ConfigurationError", message) from error


def _check(settings: Settings, status: Status) -> int:
    try:
        start(settings, status)
        status.enter("ready")
    finally:
        sys.__stdout__.write(json.dumps(status.values) + "\n")  # type: ignore[union-attr]
    return 0


def _serve(settings: Settings, status: Status) -> int:
    from mlmagic.scoring.server import Server  # a check needs no uvicorn

    listener = listen(settings)
    keys = _keys(settings, listener)
    address, port = listener.getsockname()[:2]
    status.enter("import", port=port)
    logger.info("Listening on http://%s:%d", address, port)
    application = Application(settings, status, keys, user_code(settings))
    server = Server(application, settings, status)
    server.run(sockets=[listener])
    return server.exit_code


def _keys(settings: Settings, listener: socket.socket) -> KeyFile | None:
    address = str(listener.getsockname()[0])
    if settings.auth is None and not is_loopback(address):
        raise StartFailure(
            "ConfigurationError",
            f"The address '{address}' is reachable from other machines: choose --auth key or none.",
        )
    if settings.auth != "key":
        return None
    if settings.keys_file is None:
        raise StartFailure("ConfigurationError", "With --auth key, give --keys-file FILE.")
    return KeyFile(settings.keys_file)
