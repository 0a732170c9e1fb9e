"""The command line of the server."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from mlmagic.scoring.arguments import parse
from mlmagic.scoring.failure import START_FAILED, StartFailure
from mlmagic.scoring.insights import disable_insights
from mlmagic.scoring.lifeline import watch_lifeline
from mlmagic.scoring.logs import configure
from mlmagic.scoring.settings import Settings, read_settings
from mlmagic.scoring.standins.finder import provide
from mlmagic.scoring.startup import start, user_code, with_own_example
from mlmagic.scoring.status import Status
from mlmagic.scoring.turn import LET_GO, Turn, turn_of
from mlmagic.scoring.variables import block

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from mlmagic.scoring.keys import KeyFile
    from mlmagic.scoring.startup import Service

logger = logging.getLogger("azmlinfsrv")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, or check, one entry script.

    Returns:
        0 after a drain, 3 when the server did not start.
    """
    if sys.__stderr__ is not None and not faulthandler.is_enabled():
        # A library that crashes ends the process without a word: the log tells what called it.
        faulthandler.enable(sys.__stderr__, all_threads=False)
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parse(given)
    if options.lifeline is not None:
        watch_lifeline(options.lifeline)
    elif options.serving_file is not None:  # of several workers, the supervisor drains them
        Turn(options.serving_file, options.instance).end_after()
    status = Status(options.status_file, options.generation, options.failure_file)
    configure("INFO", [])  # for what is told before the settings are known
    try:
        settings = read_settings(options, os.environ)
        os.environ.update(settings.variables)
        _configure_logs(settings)
        disable_insights(os.environ, options.appinsights_instrumentation_key)
        if (settings.workers > 1 or settings.watch) and settings.fd is None and not settings.check:
            from mlmagic.scoring.workers import serve_with_workers  # few need it

            return serve_with_workers(settings, given)
        _enter_app_root(settings)
        if settings.check:
            return _check(settings, status)
        if settings.forks is not None:
            return _serve_forked(settings, status, settings.forks)
        return _serve(settings, status)
    except StartFailure as failure:
        if status.stage != "failed":  # failures of the script are told where they happen
            status.fail(failure)
            _log(failure)
        return START_FAILED


def _log(failure: StartFailure) -> None:
    if failure.reason == "ConfigurationError":
        logger.critical("%s", block(failure))
    else:
        logger.error("%s: %s", failure.reason, failure.message)


def _configure_logs(settings: Settings) -> None:
    provide()  # a logging.json may name classes of v1's server
    try:
        configure(settings.log_level, [settings.app_root, settings.entry_script.parent])
    except (ValueError, OSError, ImportError) as error:
        message = f"The file 'logging.json' cannot be used: {error}."
        raise StartFailure("ConfigurationError", message) from error


def _enter_app_root(settings: Settings) -> None:
    try:
        os.chdir(settings.app_root)
    except OSError as error:
        message = f"The app root '{settings.app_root}' cannot be entered: {error.strerror}."
        raise StartFailure("ConfigurationError", message) from error


def _check(settings: Settings, status: Status) -> int:
    from mlmagic.scoring.report import report

    service = None
    try:
        service = start(settings, status)
        if settings.status_file is None:
            service = with_own_example(service, settings, status)
        status.enter("ready")
    finally:
        if settings.status_file is None and sys.__stdout__ is not None:
            sys.__stdout__.write(report(settings, status, service))
        elif sys.__stdout__ is not None:  # for the program that asked
            sys.__stdout__.write(json.dumps(status.values) + "\n")
    return 0


def _serve_forked(settings: Settings, status: Status, count: int) -> int:
    """Load the script, then let workers serve it that share what is loaded."""
    from mlmagic.scoring.forks import Forks

    service = start(settings, status)
    if service.script.coroutines is not None:
        raise StartFailure(
            "ConfigurationError",
            "An async run() cannot be preloaded: its loop stays behind. Unset WORKER_PRELOAD.",
        )
    if (turn := turn_of(settings)) is not None and not turn.has_come():
        status.enter("waiting")  # as each worker does, which nobody hears

    def serve(worker: Status) -> int:
        if settings.lifeline is not None:
            watch_lifeline(settings.lifeline)
        return _serve(settings, worker, service)

    return Forks(count, serve, status, settings.generation).run()


def _serve(settings: Settings, status: Status, service: Service | None = None) -> int:
    from mlmagic.scoring.application import Application  # a check needs none of them
    from mlmagic.scoring.front import Front
    from mlmagic.scoring.listening import in_uri, listen
    from mlmagic.scoring.server import Server

    if settings.debug_port is not None:
        from mlmagic.scoring.debugger import connect_debugger

        connect_debugger(settings.debug_port)
    front = Front(settings.listener_from) if settings.listener_from else None
    listener = front.wait() if front else listen(settings)
    keys = _keys(settings, listener)
    address, port = listener.getsockname()[:2]
    status.enter("import", port=port)
    logger.info("Listening on http://%s:%d", in_uri(address), port)
    application = Application(settings, status, keys, user_code(settings))
    server = Server(application, settings, status, front=front, service=service)
    signal.signal(LET_GO, server.let_go)
    server.run(sockets=[listener, *_health_listener(settings)])
    return server.exit_code


def _health_listener(settings: Settings) -> list[socket.socket]:
    """Return the second port's socket; it answers what the first does, so keys guard it too."""
    from mlmagic.scoring.listening import listen

    if settings.health_port is None or settings.fd is not None:
        return []
    return [listen(replace(settings, port=settings.health_port))]


def _keys(settings: Settings, listener: socket.socket) -> KeyFile | None:
    from mlmagic.scoring.keys import KeyFile
    from mlmagic.scoring.listening import is_loopback

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
