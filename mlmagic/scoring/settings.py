"""What one server process is asked to do: command line over environment over file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.failure import StartFailure
from mlmagic.scoring.variables import Variables, read_variables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

DEFAULT_PORT = 5001
_DEFAULT_HEALTH_PORT = 5000
DEFAULT_MAX_BODY = 100 * 1024 * 1024  # what the proxy of the v1 images let through
DEFAULT_SCORING_TIMEOUT_MS = 3_600_000
DEFAULT_WORKER_TIMEOUT = 300
_DEFAULT_SCRIPT = "main.py"  # v1's, where nothing names one
# What azmlinfsrv does unasked: all interfaces, no keys, one request at a time.
_COMPAT = {"address": "0.0.0.0", "auth": "none", "threads": 1}  # noqa: S104 - as it does


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One server process.

    Attributes:
        entry_script: The user's script, absolute.
        app_root: Working directory of the script.
        source_directory: Where the script's own modules lie.
        health_port: A second port, for probes, where it is asked for.
        fd: An inherited listening socket; it replaces ``address`` and ``port``.
        listener_from: Unix socket of the front, which hands out the listening socket; likewise.
        service_version: In the service's description.
        path_prefix: In the service's description, before its routes.
        compat: The server whose ways are kept.
        auth: ``key``, ``none``, or None where nothing was chosen.
        origins: Origins that browsers may call from, parted by commas.
        workers: Processes.
        preload: Whether they are forked from one that has loaded the script.
        forks: How many this process is to fork; None serves by itself.
        watch: Whether a changed script is loaded anew.
        threads: Threads that run() is called on; None adapts.
        queue: Requests that may wait; more are answered with 503.
        queue_wait_ms: Milliseconds that a request may wait, then it is answered with 503; None
            lets it wait for as long as it may run.
        client_timeout: Seconds that a client may take to send what it began.
        batch: Requests that run() gets at a time, as lists; None calls it for each.
        fast_json: Whether the script's ``json.loads`` is the fast one.
        worker_timeout: Seconds for which the event loop may stand still before the process ends.
        debug_port: Where a debugger waits for us.
        accept_when_ready: Do not accept connections before the service is ready.
        serving_file: Names the server whose turn it is to accept connections; None lets it accept.
        instance: What that file calls this one.
        lifeline: Descriptor whose end of file says that the supervisor is gone.
        grace: Seconds that a drain may take.
        check: Only run init() and the sample, then exit.
        variables: What scripts of v1 find in the environment, whoever set it.
    """

    entry_script: Path
    app_root: Path
    source_directory: Path
    port: int = DEFAULT_PORT
    address: str = "127.0.0.1"
    health_port: int | None = None
    fd: int | None = None
    listener_from: Path | None = None
    service_name: str = "ML service"
    service_version: str = "1.0"
    path_prefix: str = ""
    compat: str | None = None
    auth: str | None = None
    keys_file: Path | None = None
    origins: str | None = None
    sample: Path | None = None
    sample_type: str = "application/json"
    status_file: Path | None = None
    workers: int = 1
    preload: bool = False
    forks: int | None = None
    watch: bool = False
    threads: int | None = None
    scoring_timeout_ms: int = DEFAULT_SCORING_TIMEOUT_MS
    max_body: int = DEFAULT_MAX_BODY
    queue: int = 1000
    queue_wait_ms: int | None = None
    client_timeout: int = 60
    batch: int | None = None
    log_level: str = "INFO"
    debug_port: int | None = None
    fast_json: bool = True
    worker_timeout: int = DEFAULT_WORKER_TIMEOUT
    generation: int = 0
    accept_when_ready: bool = False
    serving_file: Path | None = None
    instance: str = ""
    lifeline: int | None = None
    grace: float = 30.0
    check: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)


def read_settings(options: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """Settle what the command line leaves open.

    Raises:
        StartFailure: A variable or the configuration file is wrong, or there is no script.
    """
    given = {name: value for name, value in vars(options).items() if value is not None}
    script = given.get("entry_script") or given.get("script")
    named = script or environment.get("AZUREML_ENTRY_SCRIPT")
    folders = [
        _folder(given.get("app_root") or environment.get("AML_APP_ROOT")),
        Path(named).absolute().parent if named else None,
    ]
    chosen = given.get("config_file") or environment.get("AZUREML_CONFIG_FILE")
    variables = read_variables(environment, chosen, folders)
    app_root = _folder(given.get("app_root") or variables.text("AML_APP_ROOT"))
    values = _COMPAT | _from(variables) if "compat" in given else _from(variables)
    values["health_port"] = _DEFAULT_HEALTH_PORT
    values |= {name: value for name, value in given.items() if name in Settings.__annotations__}
    entry_script = _locate(script or variables.text("AZUREML_ENTRY_SCRIPT"), app_root)
    source = variables.text("AZUREML_SOURCE_DIRECTORY")
    if environment.get("SEPERATE_HEALTH_ENDPOINT", "").lower() != "true":  # v1's spelling
        values["health_port"] = None
    told = variables.of_file() | {"AML_APP_ROOT": str(app_root)}
    if "AZUREML_ENTRY_SCRIPT" not in environment:
        told["AZUREML_ENTRY_SCRIPT"] = str(entry_script)
    if "model_dir" in given:
        told["AZUREML_MODEL_DIR"] = given["model_dir"]
    origins = given.get("access_control_allow_origins")
    return Settings(
        **values
        | ({"origins": origins} if origins else {})
        | {
            "entry_script": entry_script,
            "app_root": app_root,
            "source_directory": app_root / source if source else entry_script.parent,
            "variables": told,
        }
    )


def _from(variables: Variables) -> dict[str, Any]:
    found = {
        "service_name": variables.text("SERVICE_NAME"),
        "service_version": variables.text("SERVICE_VERSION"),
        "path_prefix": variables.text("SERVICE_PATH_PREFIX"),
        "origins": variables.text("AML_CORS_ORIGINS"),
        "workers": variables.number("WORKER_COUNT"),
        "preload": (variables.text("WORKER_PRELOAD") or "").lower() == "true",
        "scoring_timeout_ms": variables.number("SCORING_TIMEOUT_MS"),
        "worker_timeout": variables.number("WORKER_TIMEOUT"),
        "log_level": variables.level("AZUREML_LOG_LEVEL"),
        "debug_port": variables.number("AZUREML_DEBUG_PORT"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _folder(name: str | None) -> Path:
    return Path(name or Path.cwd()).absolute()


def _locate(script: str | None, app_root: Path) -> Path:
    """Find a relative script from the current folder, as shells do, else from the app root."""
    if script is None:
        if (app_root / _DEFAULT_SCRIPT).is_file():
            return app_root / _DEFAULT_SCRIPT
        message = "No entry script: give --entry-script FILE, or set AZUREML_ENTRY_SCRIPT."
        raise StartFailure("ConfigurationError", message)
    here = Path(script).absolute()
    return here if here.is_file() else app_root / script
