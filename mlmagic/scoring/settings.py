"""What one server process is asked to do: command line over environment over defaults."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_PORT = 5001
DEFAULT_MAX_BODY = 100 * 1024 * 1024  # what the proxy of the v1 images let through
DEFAULT_SCORING_TIMEOUT_MS = 3_600_000
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One server process.

    Attributes:
        entry_script: The user's script, absolute.
        app_root: Working directory of the script.
        source_directory: Where the script's own modules lie.
        fd: An inherited listening socket; it replaces ``address`` and ``port``.
        auth: ``key``, ``none``, or None where nothing was chosen.
        threads: Threads that run() is called on; None adapts.
        accept_when_ready: Do not accept connections before the service is ready.
        lifeline: Descriptor whose end of file says that the supervisor is gone.
        grace: Seconds that a drain may take.
        check: Only run init() and the sample, then exit.
    """

    entry_script: Path
    app_root: Path
    source_directory: Path
    port: int = DEFAULT_PORT
    address: str = "127.0.0.1"
    fd: int | None = None
    service_name: str = "ML service"
    auth: str | None = None
    keys_file: Path | None = None
    sample: Path | None = None
    sample_type: str = "application/json"
    status_file: Path | None = None
    threads: int | None = None
    scoring_timeout_ms: int = DEFAULT_SCORING_TIMEOUT_MS
    max_body: int = DEFAULT_MAX_BODY
    log_level: str = "INFO"
    generation: int = 0
    accept_when_ready: bool = False
    lifeline: int | None = None
    grace: float = 30.0
    check: bool = False


def read_settings(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Settings:
    """Read the command line and the environment; wrong ones end the process with usage."""
    parser = _parser(environment)
    options = parser.parse_args(arguments)
    app_root = Path(options.app_root or environment.get("AML_APP_ROOT") or Path.cwd()).absolute()
    script = options.entry_script or environment.get("AZUREML_ENTRY_SCRIPT")
    if not script:
        parser.error("give --entry-script FILE, or set AZUREML_ENTRY_SCRIPT")
    entry_script = _locate(script, app_root)
    source = environment.get("AZUREML_SOURCE_DIRECTORY")
    if options.model_dir:
        # For the script; v1 scripts read the variable, relative values included.
        os.environ["AZUREML_MODEL_DIR"] = options.model_dir
    values = {
        name: value for name, value in vars(options).items() if name in Settings.__annotations__
    }
    return Settings(
        **values
        | {
            "entry_script": entry_script,
            "app_root": app_root,
            "source_directory": app_root / source if source else entry_script.parent,
        }
    )


def _locate(script: str, app_root: Path) -> Path:
    """Find a relative script from the current folder, as shells do, else from the app root."""
    here = Path(script).absolute()
    return here if here.is_file() else app_root / script


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlmagic.scoring",
        description="Serve an entry script with init() and run() over HTTP.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--entry-script", metavar="FILE", help="script (default: AZUREML_ENTRY_SCRIPT)")
    add("--model-dir", metavar="DIR", help="model folder (default: AZUREML_MODEL_DIR)")
    add("--app-root", metavar="DIR", help="working directory (default: the current one)")
    add("--address", default="127.0.0.1", help="interface to listen on")
    add("--port", type=_port, default=DEFAULT_PORT, help="0 lets the kernel choose")
    add("--fd", type=int, help="inherited listening socket")
    add("--service-name", default=environment.get("SERVICE_NAME", "ML service"))
    add("--auth", choices=("none", "key"), help="must be chosen off loopback")
    add("--keys-file", type=_file, metavar="FILE", help='JSON: {"primary": …, "secondary": …}')
    add("--sample", type=_file, metavar="FILE", help="request to score before being ready")
    add("--sample-type", default="application/json", metavar="MEDIA_TYPE")
    add("--status-file", type=_file, metavar="FILE", help="where the stage is told")
    add("--threads", type=_positive, help="pin the number of scoring threads")
    timeout = environment.get("SCORING_TIMEOUT_MS", str(DEFAULT_SCORING_TIMEOUT_MS))
    add("--scoring-timeout-ms", type=_positive, default=timeout, metavar="MS")
    add("--max-body", type=_positive, default=DEFAULT_MAX_BODY, metavar="BYTES")
    level = environment.get("AZUREML_LOG_LEVEL", "INFO")
    add("--log-level", type=str.upper, choices=LOG_LEVELS, default=level)
    add("--generation", type=int, default=0, help="told in the status file")
    add("--accept-when-ready", action="store_true", help="accept no connection before")
    add("--lifeline", type=int, metavar="FD", help="exit when this descriptor ends")
    add("--grace", type=float, default=30.0, metavar="SECONDS", help="longest drain")
    add("--check", action="store_true", help="run init() and the sample once, and exit")
    return parser


def _file(text: str) -> Path:
    return Path(text).absolute()


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not 1 or more")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:  # noqa: PLR2004 - the range of ports
        raise argparse.ArgumentTypeError(f"'{text}' is not a port (0-65535)")
    return value
