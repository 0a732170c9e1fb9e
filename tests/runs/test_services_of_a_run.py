"""What a run says and does about the services it deployed, with real services."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pytest

from mlmagic import Workspace
from mlmagic.runs import run_notebook, write_quickstart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOAD = "%load_ext mlmagic"
ECHO = """%%score_script echo.py --no-trial
def init():
    pass

def run(raw_data):
    return raw_data
"""
BROKEN = """%%score_script broken.py --no-trial
def init():
    1 / 0

def run(raw_data):
    return raw_data
"""
DEPLOY = "svc = %deploy echo-svc --script echo.py"
DEPLOY_BROKEN = "%deploy broken-svc --script broken.py"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """The workspace that the notebook's kernel finds."""
    (tmp_path / "pyproject.toml").touch()
    opened = Workspace(tmp_path)
    yield opened
    for service in opened.list_services():
        service.delete()


def test_the_result_tells_of_services_and_models(run, tmp_path):
    model = "open('model.txt', 'w').write('1')"
    register = "%register ./model.txt --name words"
    result = run(
        LOAD, model, register, ECHO, DEPLOY, "svc.run('hello')", result=tmp_path / "r.json"
    )
    assert result.exit_code == 0, result.summary()
    facts = json.loads((tmp_path / "r.json").read_text())
    assert facts["models"] == [{"id": "words:1", "outcome": "registered"}]
    (service,) = facts["services"]
    assert (service["name"], service["outcome"]) == ("echo-svc", "created")
    assert (service["state"], service["reason"]) == ("Healthy", "Ready")
    assert service["scoring_uri"].startswith("http://127.0.0.1:")
    assert not service["deleted"]
    assert f"service  echo-svc  Healthy  {service['scoring_uri']}" in result.summary()


def test_progress_tells_the_state_of_what_a_cell_deployed(run):
    lines: list[str] = []
    result = run(LOAD, ECHO, DEPLOY, progress=lines.append)
    assert result.exit_code == 0, result.summary()
    assert lines[-1].endswith("s  echo-svc  Healthy  It answers.")
    assert "         · echo-svc  Healthy  It answers." in lines[:-1]  # told while the cell runs


def test_a_deployment_that_nobody_waits_for_is_waited_for_at_the_end(run):
    quietly = "Workspace().deploy('echo-svc', script='echo.py', wait=False);"
    result = run(LOAD, ECHO, "from mlmagic import Workspace", quietly)
    assert [str(service.state) for service in result.services] == ["Healthy"]


def test_a_service_that_does_not_come_up_ends_the_run_with_3(run, workspace):
    result = run(LOAD, BROKEN, DEPLOY_BROKEN, "print('no')")
    assert (result.status, result.exit_code) == ("unhealthy", 3)
    assert result.failure.ename == "DeploymentFailedError"
    assert "ZeroDivisionError" in result.failure.evalue
    assert [(s.name, s.reason) for s in result.services] == [("broken-svc", "InitFailed")]
    assert [service.name for service in workspace.list_services()] == ["broken-svc"]


def test_a_failure_that_the_notebook_catches_still_counts(run):
    caught = f"try:\n    {DEPLOY_BROKEN}\nexcept Exception as error:\n    print(error)"
    result = run(LOAD, BROKEN, caught)
    assert (result.exit_code, result.failure) == (3, None)


def test_on_failure_only_what_this_run_created_is_deleted(run, write_notebook, workspace):
    assert run(LOAD, ECHO, DEPLOY).exit_code == 0
    update = f"{DEPLOY} --env LEVEL=2"
    other = DEPLOY.replace("echo-svc", "other-svc")
    result = run(LOAD, ECHO, update, other, "1 / 0", cleanup="on-failure")
    assert result.exit_code == 1
    told = {service.name: (service.outcome, service.deleted) for service in result.services}
    assert told == {"echo-svc": ("updated", False), "other-svc": ("created", True)}
    assert [service.name for service in workspace.list_services()] == ["echo-svc"]


def test_on_success_cleanup_on_failure_deletes_nothing_and_always_does(run, workspace):
    run(LOAD, ECHO, DEPLOY, cleanup="on-failure")
    assert [service.name for service in workspace.list_services()] == ["echo-svc"]
    other = DEPLOY.replace("echo-svc", "other-svc")
    lines: list[str] = []
    run(LOAD, ECHO, other, cleanup="always", progress=lines.append)
    assert [service.name for service in workspace.list_services()] == ["echo-svc"]
    assert lines[-1] == "Deleted the service 'other-svc'"


def test_a_terminated_run_is_saved_and_its_services_are_deleted(
    write_notebook, tmp_path, workspace
):
    notebook = write_notebook(LOAD, ECHO, DEPLOY, "import time; time.sleep(300)")
    facts = tmp_path / "result.json"
    command = [sys.executable, "-m", "mlmagic", "run", str(notebook), "--result", str(facts)]
    with subprocess.Popen(
        [*command, "--cleanup", "always"], stderr=subprocess.PIPE, text=True
    ) as process:
        while not process.stderr.readline().startswith("[4/4]"):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 143
    assert workspace.list_services() == []
    outcome = json.loads(facts.read_text())
    assert (outcome["status"], outcome["exit_code"]) == ("interrupted", 130)
    assert [(each["name"], each["deleted"]) for each in outcome["services"]] == [("echo-svc", True)]
    cells = nbformat.read(outcome["output"], as_version=4).cells
    assert "Healthy" in str([cell.get("outputs") for cell in cells])


def test_commands_in_shell_cells_count_too(run):
    command = f"!{sys.executable} -m mlmagic model deploy -n shell-svc --script echo.py"
    result = run(LOAD, ECHO, command, cleanup="always")
    assert [(s.name, s.outcome, s.deleted) for s in result.services] == [
        ("shell-svc", "created", True)
    ]


def test_outside_of_a_run_nothing_is_noted(tmp_path, workspace):
    (tmp_path / "model.txt").write_text("1")
    code = "from mlmagic import Workspace; Workspace().register_model('model.txt', name='words')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert [path.name for path in tmp_path.iterdir() if "journal" in path.name] == []
    assert list(workspace.models) == ["words"]


def test_the_quickstart_runs(tmp_path):
    result = run_notebook(write_quickstart(tmp_path)[0])
    assert result.exit_code == 0, result.summary()
    assert [str(service.state) for service in result.services] == ["Healthy"]
