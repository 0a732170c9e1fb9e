"""Runs of v1: their ids, and how they end, whatever becomes of scripts and kernels."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from mlmagic.azureml import core
from mlmagic.azureml.exceptions import ActivityFailedException, UserErrorException
from mlmagic.azureml.widgets import RunDetails


def test_the_id_of_a_run_is_one_folder_of_its_own(project):
    experiment = core.Experiment(core.Workspace.from_config(), "e")
    run = experiment.start_logging(run_id="mine", tags={"a": "b"})
    for begin in (experiment.start_logging, run.child_run):
        with pytest.raises(UserErrorException, match="The run 'mine' exists"):
            begin(run_id="mine")
        for name in ("../escaped", "..", "a/b", "a\\b"):
            with pytest.raises(UserErrorException, match="it leads elsewhere"):
                begin(run_id=name)
    assert core.Run.get(experiment.workspace, "mine").tags == {"a": "b"}


def test_a_run_ends_whatever_its_outputs_are(project, monkeypatch):
    outputs = project / "outputs"
    outputs.mkdir(exist_ok=True)
    (outputs / "kept.txt").write_text("kept")
    experiment = core.Experiment(core.Workspace.from_config(), "e")
    with experiment.start_logging() as moved:
        monkeypatch.chdir(outputs)
    assert moved.get_file_names() == ["outputs/kept.txt"]
    monkeypatch.chdir(project)
    run = experiment.start_logging()
    (run.folder / "outputs").write_text("in the way")
    with pytest.raises(ValueError, match="the script's own") as told, run:
        raise ValueError("the script's own")
    assert run.status == "Failed"
    assert "could not be kept" in told.value.__notes__[0]


def test_a_run_that_is_stopped_keeps_its_status_and_what_it_left(project):
    line = "trap 'echo late > outputs/late.txt; exit 1' TERM; echo > began; while :; do :; done"
    config = core.ScriptRunConfig(".", command=line)
    run = core.Experiment(core.Workspace.from_config(), "e").submit(config)
    while not (project / "began").exists():
        time.sleep(0.01)
    run.cancel()
    assert run.wait_for_completion()["status"] == "Canceled"
    assert "outputs/late.txt" in run.get_file_names()


SUBMITS = """
from mlmagic.azureml import core
experiment = core.Experiment(core.Workspace.from_config(), "e")
print(experiment.submit(core.ScriptRunConfig(".", command={command!r})).id)
"""


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("echo kept > outputs/kept.txt", "Completed"),
        ("echo kept > outputs/kept.txt; exit 3", "Failed"),
        ("echo kept > outputs/kept.txt; kill -9 $PPID $$", "Failed"),
    ],
)
def test_a_run_ends_as_its_script_did_though_the_kernel_that_submitted_it_is_gone(
    project, command, status
):
    program = SUBMITS.format(command=f"while ! [ -e go ]; do sleep 0.1; done; {command}")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True
    )
    run = core.Run.get(core.Workspace.from_config(), done.stdout.split()[-1])
    assert run.status == "Running"
    (project / "go").touch()
    assert run.wait_for_completion(raise_on_error=False)["status"] == status
    assert "outputs/kept.txt" in run.get_file_names()
    assert not any("exit" in name for name in run.get_file_names())
    gone = "$PPID" in command
    assert ("without an exit code" in str(run.get_details().get("error"))) == gone


BEGINS = """
from mlmagic.azureml import core
experiment = core.Experiment(core.Workspace.from_config(), "e")
run = experiment.start_logging(run_id="left")
run.child_run(run_id="below").complete()
assert run.status == "Running"
"""


def test_a_run_whose_kernel_is_gone_does_not_run_for_ever(project):
    subprocess.run([sys.executable, "-c", BEGINS], cwd=project, check=True)
    workspace = core.Workspace.from_config()
    run = core.Run.get(workspace, "left")
    assert run.status == "Failed"
    assert [each.id for each in run.experiment.get_runs()] == ["left"]
    assert core.Run.get(workspace, "below").status == "Completed"
    assert "ended without complete()" in run.get_details()["error"]["message"]
    with pytest.raises(ActivityFailedException, match=r"ended without complete\(\)"):
        run.wait_for_completion()
    assert RunDetails(run).stamp() is None
    # As in v1, a later kernel may go on with it.
    run.start()
    assert run.status == "Running"
    run.complete()
    assert (run.status, run.get_details().get("error")) == ("Completed", None)


def test_a_run_of_another_machine_is_as_its_record_says(project):
    run = core.Experiment(core.Workspace.from_config(), "e").start_logging()
    record = json.loads((run.folder / "run.json").read_text())
    record["begunBy"] |= {"host": "another", "boot_id": "another"}
    (run.folder / "run.json").write_text(json.dumps(record))
    assert run.status == "Running"


def test_a_run_is_canceled_from_another_kernel(project):
    done = subprocess.run(
        [sys.executable, "-c", SUBMITS.format(command="echo > began; sleep 600")],
        cwd=project, capture_output=True, text=True, check=True,
    )  # fmt: skip
    while not (project / "began").exists():
        time.sleep(0.01)
    run = core.Run.get(core.Workspace.from_config(), done.stdout.split()[-1])
    run.cancel()
    assert run.wait_for_completion()["status"] == "Canceled"
