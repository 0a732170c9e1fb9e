"""Command line, environment, configuration file: which of them counts."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlmagic.scoring.arguments import parse
from mlmagic.scoring.failure import StartFailure
from mlmagic.scoring.settings import Settings, read_settings
from tests.scoring.conftest import PATIENCE, SCRIPTS, RunningServer, environment, wait_for

ServeSource = Callable[..., RunningServer]
ECHO = str(SCRIPTS / "echo.py")


def settle(*arguments: str, **variables: str) -> Settings:
    return read_settings(parse(arguments), variables)


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settle(ECHO)
    assert settings.entry_script == Path(ECHO)
    assert (settings.address, settings.port, settings.auth) == ("127.0.0.1", 5001, None)
    assert (settings.app_root, settings.source_directory) == (tmp_path, SCRIPTS)
    assert (settings.threads, settings.workers, settings.log_level) == (None, 1, "INFO")


def test_spellings_of_azmlinfsrv() -> None:
    settings = settle(
        *("--compat", "azmlinfsrv", f"--entry_script={ECHO}", "--model_dir", "a_b"),
        *("--worker_count", "3", "--access_control_allow_origins", "a.org"),
        *("--appinsights_instrumentation_key", "x", "--health_port", "5000", "--rest"),
    )
    assert settings.variables["AZUREML_MODEL_DIR"] == "a_b"
    assert (settings.address, settings.port, settings.auth) == ("0.0.0.0", 5001, "none")
    assert (settings.threads, settings.workers, settings.origins) == (1, 3, "a.org")


def test_options_beat_what_azmlinfsrv_does() -> None:
    settings = settle(
        *("--compat", "azmlinfsrv", ECHO, "--threads", "4", "--auth", "key", "--address", "::1")
    )
    assert (settings.threads, settings.auth, settings.address) == (4, "key", "::1")


def test_precedence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "other.json"
    values = {"SERVICE_NAME": "file", "SERVICE_VERSION": 2, "WORKER_COUNT": 2, "UNKNOWN": 1}
    path.write_text(json.dumps(values))
    with caplog.at_level(logging.WARNING):
        settings = settle(
            *("--config_file", str(path), "--workers", "4", ECHO), SERVICE_NAME="environment"
        )
    assert (settings.service_name, settings.service_version) == ("environment", "2")
    assert settings.workers == 4
    assert "UNKNOWN" in caplog.text
    assert settle(ECHO, AZUREML_CONFIG_FILE=str(path)).workers == 2


def test_config_file_of_the_folders(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root, beside = tmp_path / "root", tmp_path / "src"
    for folder, name in ((root, "root"), (beside, "beside")):
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"SERVICE_NAME": name}))
    (beside / "score.py").touch()
    script = str(beside / "score.py")
    assert settle("--app-root", str(root), script).service_name == "root"
    (root / "config.json").write_text("")
    assert settle(script, AML_APP_ROOT=str(root)).service_name == "beside"
    (beside / "config.json").write_text('{"layers": [1, 2]}')  # the script's own
    assert settle(script, AML_APP_ROOT=str(root)).service_name == "ML service"
    assert not caplog.records
    (beside / "config.json").write_text("not json")
    settle(script, AML_APP_ROOT=str(root))
    assert "is not used" in caplog.text


def test_the_script_finds_the_variables(serve_source: ServeSource, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "config.json").write_text(
        json.dumps({"AZUREML_MODEL_DIR": "models", "SERVICE_NAME": "file", "mine": "x"})
    )
    server = serve_source(
        """
        import os
        names = ["AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT", "AZUREML_MODEL_DIR"]
        names += ["SERVICE_NAME", "mine"]
        def init(): pass
        def run(data): return [os.environ.get(name) for name in names]
        """,
        SERVICE_NAME="environment",
    ).ready()
    app = tmp_path / "app"
    expected = [str(app), str(app / "score.py"), "models", "environment", None]
    assert server.ask(body=b"").json == expected


UUID = "6b29fc40-ca47-1067-b31d-00dd010662da"


@pytest.mark.parametrize(
    ("options", "variables", "told"),
    [
        ((), {"AML_APP_INSIGHTS_ENABLED": "true", "AML_APP_INSIGHTS_KEY": UUID}, "to a cloud"),
        (("--appinsights_instrumentation_key", UUID), {}, "to a cloud"),
        (("--appinsights_instrumentation_key", "mine"), {}, "Application Insights is disabled"),
        ((), {"AML_APP_INSIGHTS_ENABLED": "true"}, ""),
        ((), {"AML_APP_INSIGHTS_KEY": UUID}, ""),
    ],
)
def test_no_telemetry_and_it_says_so(
    serve_source: ServeSource, options: tuple[str, ...], variables: dict[str, str], told: str
) -> None:
    server = serve_source(
        """
        import os
        def init(): pass
        def run(data): return os.environ["AML_APP_INSIGHTS_ENABLED"]
        """,
        *options,
        **variables,
    ).ready()
    assert server.ask(body=b"").json == "false"
    assert told in server.log
    assert UUID not in server.log
    assert told or "nsights" not in server.log


def test_worker_variables() -> None:
    assert settle(ECHO).worker_timeout == 300
    assert settle(ECHO, WORKER_TIMEOUT="20").worker_timeout == 20
    assert settle(ECHO, "--worker-timeout", "10", WORKER_TIMEOUT="20").worker_timeout == 10
    assert not settle(ECHO, WORKER_PRELOAD="false").preload
    assert settle(ECHO, WORKER_PRELOAD="True").preload


def test_main_is_the_default_script(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    assert settle(AML_APP_ROOT=str(tmp_path)).entry_script == tmp_path / "main.py"
    script = settle("--app-root", str(tmp_path), AZUREML_ENTRY_SCRIPT="src/score.py")
    assert script.entry_script == tmp_path / "src" / "score.py"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SCORING_TIMEOUT_MS": "soon"}, "SCORING_TIMEOUT_MS must be a whole number"),
        ({"WORKER_TIMEOUT": "never"}, "WORKER_TIMEOUT must be a whole number of 1 or more"),
        ({"WORKER_COUNT": "0"}, "WORKER_COUNT must be a whole number of 1 or more, not '0'"),
        ({"AZUREML_LOG_LEVEL": "LOUD"}, "AZUREML_LOG_LEVEL must be one of DEBUG"),
        ({"AZUREML_CONFIG_FILE": "nowhere.json"}, "'nowhere.json' cannot be used"),
    ],
)
def test_wrong_variables(variables: dict[str, str], words: str) -> None:
    with pytest.raises(StartFailure, match=words) as caught:
        settle(ECHO, **variables)
    assert caught.value.reason == "ConfigurationError"


def test_a_wrong_variable_is_shown_as_a_block(serve: Callable[..., RunningServer]) -> None:
    server = serve("echo", SCORING_TIMEOUT_MS="soon")
    status = server.failed()
    assert (status["stage"], status["reason"]) == ("failed", "ConfigurationError")
    first, second, third = server.log.split(" azmlinfsrv - \n")[1].splitlines()
    assert first == "===============Configuration Error================="
    assert (
        second == "The variable SCORING_TIMEOUT_MS must be a whole number of 1 or more, not 'soon'."
    )
    assert set(third) == {"="}


def test_no_script(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlmagic.scoring"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), cwd=tmp_path, check=False
    )
    assert done.returncode == 3
    assert "give --entry-script FILE" in done.stderr


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "mine": {
            "class": "azureml_inference_server_http.log_config.AMLLogFormatter",
            "format": "mine %(name)s %(message)s",
        }
    },
    "filters": {"root": {"()": "azureml_inference_server_http.log_config.RootAccessFilter"}},
    "handlers": {
        "mine": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "mine",
            "filters": ["root"],
        }
    },
    "loggers": {"azmlinfsrv": {"level": "INFO", "handlers": ["mine"], "propagate": False}},
}


def test_logging_of_the_user(serve_source: ServeSource, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "logging.json").write_text(json.dumps(LOGGING))
    server = serve_source("def init(): print('hello')\ndef run(data): return 1").ready()
    assert "\nmine azmlinfsrv.print hello\n" in server.log
    server.ask(body=b"x", X_Request_Id="the-id")
    wait_for(lambda: "POST /score 200" in server.log, "an access line")


def test_model_folder_is_listed_after_a_failed_init(
    serve_source: ServeSource, tmp_path: Path
) -> None:
    models = tmp_path / "models" / "one" / "1"
    models.mkdir(parents=True)
    for number in range(300):
        (models / f"part-{number:03d}.bin").touch()
    server = serve_source(
        "def init(): open('no such file')\ndef run(data): pass",
        "--model-dir",
        str(tmp_path / "models"),
    )
    assert server.failed()["reason"] == "InitFailed"
    listing = server.log.split("contains:\n")[1]
    assert "        part-000.bin" in listing
    assert listing.count(".bin") <= 200
    assert "First 200 lines shown." in listing


def test_debugger(serve: Callable[..., RunningServer], tmp_path: Path) -> None:
    pytest.importorskip("debugpy")
    with socket.create_server(("127.0.0.1", 0)) as waiting:
        waiting.settimeout(PATIENCE)
        server = serve("echo", AZUREML_DEBUG_PORT=str(waiting.getsockname()[1]))
        waiting.accept()[0].close()  # it connects, as v1's server does
    server.close()


def test_a_port_for_probes(serve: Callable[..., RunningServer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ("--health_port", str(port))
    server = serve("echo", *options, SEPERATE_HEALTH_ENDPOINT="true").ready()
    assert server.ask("GET", "/").body == b"Healthy"
    server.port = port
    assert server.ask("GET", "/").body == b"Healthy"
    assert settle(ECHO, *options).health_port is None
    assert settle(ECHO, SEPERATE_HEALTH_ENDPOINT="true").health_port == 5000


def test_several_workers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlmagic.scoring", "--compat", "azmlinfsrv"]
    command += ["--entry_script", ECHO, "--port", str(port), "--worker_count", "2"]
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen(command, stderr=log, stdout=log, cwd=tmp_path, env=environment())
    try:
        text = tmp_path / "log"
        wait_for(lambda: text.read_text().count(" - Ready: ") == 2, "two workers")
        server = RunningServer.__new__(RunningServer)
        server.port = port
        assert server.ask(body=b"x").json == {"got": "x"}
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        log.close()


def test_workers_that_cannot_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlmagic.scoring", "--workers", "2", "--port", "0"]
    command += [str(SCRIPTS / "init_raises.py")]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), cwd=tmp_path, check=False
    )
    assert done.returncode == 3
    assert "JSONDecodeError" in done.stderr
