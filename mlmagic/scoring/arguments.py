"""The command line: our spellings and those of azmlinfsrv."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; wrong ones end the process with usage.

    What is not given is None: the environment, then a configuration file, then the default
    decides.
    """
    return _parser().parse_args([_spelled(argument) for argument in arguments])


def _spelled(argument: str) -> str:
    """Return azmlinfsrv's ``--entry_script`` as ``--entry-script``."""
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlmagic.scoring",
        description="Serve an entry script with init() and run() over HTTP.",
        epilog="Options may be spelled with underscores, as those of azmlinfsrv are.",
        allow_abbrev=False,
    )
    _add_script(parser.add_argument_group("script"))
    _add_server(parser.add_argument_group("server"))
    _add_limits(parser.add_argument_group("limits"))
    _add_machinery(parser.add_argument_group("for the program that starts the server"))
    return parser


def _add_script(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("script", nargs="?", metavar="SCRIPT", help="the same as --entry-script")
    add("--entry-script", metavar="FILE", help="script (AZUREML_ENTRY_SCRIPT)")
    add("--model-dir", metavar="DIR", help="model folder (AZUREML_MODEL_DIR)")
    add("--app-root", metavar="DIR", help="working directory (AML_APP_ROOT; the current one)")
    add("--config-file", metavar="FILE", help="JSON of variables (AZUREML_CONFIG_FILE)")
    add("--sample", type=_file, metavar="FILE", help="request to score before being ready")
    add("--sample-type", default="application/json", metavar="MEDIA_TYPE")
    add("--check", action="store_true", help="run init() and the sample once, and exit")


def _add_server(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--compat", choices=("azmlinfsrv",), help="take that server's defaults")
    add("--address", help="interface to listen on (127.0.0.1)")
    add("--port", type=_port, help="5001; 0 lets the kernel choose")
    add("--service-name", help="in the service's description (SERVICE_NAME)")
    add("--auth", choices=("none", "key"), help="must be chosen off loopback")
    add("--keys-file", type=_file, metavar="FILE", help='JSON: {"primary": …, "secondary": …}')
    add("--access-control-allow-origins", metavar="ORIGINS", help="for browsers (AML_CORS_ORIGINS)")
    add("--workers", "--worker-count", type=positive, help="processes (WORKER_COUNT; 1)")
    add("--threads", type=positive, help="pin the number of scoring threads")
    add(
        "--watch",
        action=argparse.BooleanOptionalAction,
        help="load the script anew when a module of its folder changes; for development",
    )
    add(
        "--fast-json",
        action=argparse.BooleanOptionalAction,
        help="give the script's json.loads a fast decoder (default)",
    )
    add("--log-level", type=str.upper, choices=LOG_LEVELS, help="AZUREML_LOG_LEVEL; INFO")
    add("--health-port", type=_port, help="with SEPERATE_HEALTH_ENDPOINT=true (5000)")
    # Taken so that azmlinfsrv can be replaced; there is no telemetry.
    add("--appinsights-instrumentation-key", help=argparse.SUPPRESS)
    add("--rest", action="store_true", help=argparse.SUPPRESS)


def _add_limits(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--scoring-timeout-ms", type=positive, metavar="MS", help="SCORING_TIMEOUT_MS; an hour")
    add("--worker-timeout", type=positive, metavar="SECONDS", help="WORKER_TIMEOUT; 300")
    add("--max-body", type=positive, metavar="BYTES", help="longest request (100 MiB)")
    add("--queue", type=positive, metavar="N", help="most requests that wait (1000)")
    add("--queue-wait-ms", type=positive, metavar="MS", help="longest wait for run()")
    add("--client-timeout", type=positive, metavar="SECONDS", help="for a slow client (60)")
    add("--batch", type=positive, metavar="N", help="call run() with lists of up to N requests")
    add("--grace", type=float, default=30.0, metavar="SECONDS", help="longest drain")


def _add_machinery(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--fd", type=int, help="inherited listening socket")
    add("--forks", type=positive, metavar="N", help="serve with N forks that share what is loaded")
    add("--listener-from", type=_file, metavar="SOCKET", help="Unix socket of the service's front")
    add("--status-file", type=_file, metavar="FILE", help="where the stage is told")
    add(
        "--failure-file", type=_file, metavar="FILE", help="where a failing start is told, in 4 KiB"
    )
    add("--generation", type=int, default=0, help="told in the status file")
    add("--accept-when-ready", action="store_true", help="accept no connection before")
    add("--serving-file", type=_file, metavar="FILE", help="names who accepts, as --instance does")
    add("--instance", default="", metavar="NAME", help="this server, in --serving-file")
    add("--lifeline", type=int, metavar="FD", help="exit when this descriptor ends")


def positive(text: str) -> int:
    """Read a number of 1 or more.

    Raises:
        ValueError: It is none.
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not 1 or more")
    return value


def _file(text: str) -> Path:
    return Path(text).absolute()


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:  # noqa: PLR2004 - the range of ports
        raise argparse.ArgumentTypeError(f"'{text}' is not a port (0-65535)")
    return value
