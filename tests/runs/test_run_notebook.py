"""Running a notebook unattended: what goes in, what comes out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import nbformat
import pytest

from mlmagic.azureml.exceptions import WebserviceException
from mlmagic.errors import ConfigurationError, UsageError
from mlmagic.runs import run_notebook
from mlmagic.runs.result import in_one_line

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 120
RUN = """
import sys
from mlmagic.runs import run_notebook
run_notebook(sys.argv[1], sys.argv[2], result=sys.argv[3])
"""


def texts(path: Path) -> list[str]:
    """What the code cells of an executed notebook show."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        "".join(output.get("text", "") for output in cell.outputs)
        for cell in cells
        if cell.cell_type == "code"
    ]


def wait_for(condition, *, what: str):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {SECONDS} s"
        time.sleep(0.05)


def test_success_leaves_the_executed_notebook_beside_the_source(run):
    lines: list[str] = []
    result = run("1 + 1", "print('done')", progress=lines.append)
    assert (result.status, result.exit_code, result.failure) == ("succeeded", 0, None)
    assert result.output == result.notebook.with_name("work.executed.ipynb")
    assert texts(result.output) == ["", "done\n"]
    assert any(line.startswith("[2/2] print('done')") for line in lines)
    assert any(line.endswith("s  done") for line in lines)
    assert nbformat.read(result.notebook, as_version=4).cells[1].outputs == []


def test_parameters_follow_the_tagged_cell_and_single_ones_win(run, tmp_path, monkeypatch):
    for name, text in (("rows", "7"), ("name", "environment"), ("share", "0.5")):
        monkeypatch.setenv(f"MLMAGIC_PARAMETER_{name}", text)
    file = tmp_path / "night.yaml"
    file.write_text("rows: 3\nname: file\nday: 2026-11-23\n")
    result = run(
        ("rows, name, day, share = 1, 'cell', None, 0", ["parameters"]),
        "print(rows, name, day, share + 1)",
        parameters={"name": "line"},
        parameters_file=file,
    )
    assert texts(result.output)[-1] == "3 line 2026-11-23 1.5\n"
    assert result.parameters == {"rows": 3, "name": "line", "day": "2026-11-23", "share": 0.5}


def test_a_parameter_that_the_notebook_does_not_declare_is_told(run):
    lines: list[str] = []
    run(("alpha = 1", ["parameters"]), parameters={"alhpa": 2}, progress=lines.append)
    assert lines[0] == (
        "The notebook does not declare the parameter 'alhpa'. Did you mean 'alpha'? Known: 'alpha'."
    )


def test_the_kernel_runs_headless_in_the_notebooks_folder(run):
    result = run("import os\nprint(os.getcwd())\nprint(os.environ['MLMAGIC_HEADLESS'])")
    assert texts(result.output) == [f"{result.notebook.parent}\n1\n"]


def test_a_failing_cell_is_told_and_the_rest_is_not_run(run, tmp_path):
    lines: list[str] = []
    result = run(
        ("limit = 1", ["parameters"]),
        "print('before')\nget_ipython().kernel.log.critical('beside the messages')",
        "raise ValueError('too many')",
        "print('after')",
        parameters={"limit": 2},
        result=tmp_path / "out" / "result.json",
        progress=lines.append,
    )
    assert any("beside the messages" in line for line in lines)
    assert (result.status, result.exit_code) == ("failed", 1)
    failure = result.failure
    assert failure is not None
    assert (failure.cell, failure.execution_count) == (2, 4)
    assert (failure.ename, failure.evalue) == ("ValueError", "too many")
    assert "\x1b" not in failure.traceback
    assert "ValueError: too many" in result.summary()
    assert "after\n" not in texts(result.output)

    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert written["format"] == 1
    assert written["failure"]["source"] == "raise ValueError('too many')"
    assert written["parameters"] == {"limit": 2}
    assert written["exit_code"] == 1


def test_the_failed_cell_is_marked_as_papermill_does(run):
    document = nbformat.read(run("1 / 0").output, as_version=4)
    assert "In [1]" in document.cells[0].source
    assert document.cells[1].cell_type == "markdown"
    assert document.cells[2].metadata.papermill.status == "failed"


def test_a_cell_that_may_fail_does_not_end_the_run(run):
    result = run(("1 / 0", ["raises-exception"]), "print('on')")
    assert result.exit_code == 0
    assert texts(result.output)[-1] == "on\n"


def test_a_usage_error_of_the_shell_fails_the_run(run):
    failure = run("%no_such_magic").failure
    assert failure is not None
    assert failure.ename == "UsageError"
    assert "no_such_magic" in failure.evalue


def test_an_exception_is_told_in_one_line():
    assert in_one_line("ValueError", "too many\nof them") == "ValueError: too many"
    assert in_one_line("ValueError", "") == "ValueError"
    told = in_one_line("WebserviceException", f"{WebserviceException('there is none')}")
    assert told == "WebserviceException: there is none"


def test_a_dying_kernel_is_a_failure_of_its_cell(run):
    result = run("print('alive')", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (result.exit_code, result.failure.cell) == (1, 1)
    assert result.failure.ename == "DeadKernelError"
    document = nbformat.read(result.output, as_version=4)
    assert document.cells[-1].metadata.papermill.status == "failed"


def test_a_cell_that_takes_too_long_is_a_failure(run):
    said: list[str] = []
    result = run("import time; time.sleep(300)", timeout=2, progress=said.append)
    assert result.exit_code == 1
    assert result.failure.ename == "CellTimeoutError"
    assert result.failure.evalue == "The cell took longer than '2' s (--execution-timeout)."
    assert not any("IPKernelApp" in line for line in said)


def test_a_run_that_takes_too_long_ends_in_the_cell_that_ran(run):
    result = run("import time", "time.sleep(300)", timeout=10, total_timeout=10)
    assert (result.exit_code, result.failure.cell) == (1, 1)
    assert result.failure.ename == "CellTimeoutError"
    assert result.failure.evalue == "The cells together took longer than '10' s (--timeout)."


def test_settings_of_a_run_reach_its_cells_over_all_others(run, monkeypatch):
    monkeypatch.setenv("MLMAGIC_TARGET", "local")
    show = "from mlmagic.settings import Settings\nprint(Settings().target, Settings().headless)"
    result = run(show, settings={"target": "docker"})
    assert texts(result.output) == ["docker True\n"]


def test_a_junit_report_has_every_cell_and_its_failure(run, tmp_path):
    path = tmp_path / "out" / "junit.xml"
    run("print('before')", "raise ValueError('too \x1b[31m many')", "1", junit=path)
    suite = ET.parse(path).getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    first, second = suite.findall("testcase")
    assert first.get("name") == "[1] print('before')"
    assert first.get("classname") == "work.cells"
    assert first.find("failure") is None
    failure = second.find("failure")
    assert failure.get("type") == "ValueError"
    assert "many" in failure.get("message")
    assert "raise ValueError" in failure.text


def test_a_deployment_that_fails_beats_a_cell_that_fails(run):
    result = run(
        "from mlmagic.errors import DeploymentFailedError\nraise DeploymentFailedError('no')"
    )
    assert (result.status, result.exit_code) == ("unhealthy", 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_what_there_is(write_notebook, tmp_path, number):
    mark = tmp_path / "mark"
    notebook = write_notebook(
        "print('first')", f"open({str(mark)!r}, 'w').close()\nimport time; time.sleep(300)"
    )
    out, facts = tmp_path / "out.ipynb", tmp_path / "result.json"
    arguments = [sys.executable, "-c", RUN, str(notebook), str(out), str(facts)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE) as process:
        wait_for(mark.exists, what="the second cell")
        process.send_signal(number)
        process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    assert texts(out)[0] == "first\n"
    written = json.loads(facts.read_text())
    assert (written["status"], written["exit_code"]) == ("interrupted", 130)
    assert written["failure"]["cell"] == 1


def test_ctrl_c_says_one_line_and_no_traceback_of_the_kernel(write_notebook, tmp_path):
    mark = tmp_path / "mark"
    notebook = write_notebook(f"open({str(mark)!r}, 'w').close()\nimport time; time.sleep(300)")
    command = [sys.executable, "-m", "mlmagic", "run", str(notebook)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        wait_for(mark.exists, what="the cell")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "error: Interrupted."


def test_a_killed_run_leaves_a_whole_notebook(write_notebook, tmp_path):
    mark = tmp_path / "mark"
    notebook = write_notebook(
        "print('first')", f"open({str(mark)!r}, 'w').close()\nimport time; time.sleep(300)"
    )
    out, facts = tmp_path / "out.ipynb", tmp_path / "result.json"
    arguments = [sys.executable, "-c", RUN, str(notebook), str(out), str(facts)]
    with subprocess.Popen(arguments) as process:
        wait_for(mark.exists, what="the second cell")
        os.kill(process.pid, signal.SIGKILL)
    assert texts(out)[0] == "first\n"
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_what_cannot_be_run_is_refused_before_anything_happens(write_notebook, tmp_path):
    notebook = write_notebook("1")
    table = [
        ({"notebook": tmp_path / "wrok.ipynb"}, "Did you mean 'work.ipynb'"),
        ({"notebook": tmp_path}, "is a folder"),
        ({"output": notebook}, "would replace the notebook"),
        ({"kernel": "pyhton3"}, "There is no kernel 'pyhton3'"),
        ({"settings": {"taget": "docker"}}, "There is no setting 'taget'"),
        ({"cleanup": "sometimes"}, "Unknown cleanup 'sometimes'"),
        ({"parameters": {"not a name": 1}}, "cannot be a variable"),
        ({"parameters_file": tmp_path / "none.yaml"}, "cannot be read"),
        ({"cwd": tmp_path / "nowhere"}, "'.*nowhere' is not a folder"),
    ]
    for options, message in table:
        with pytest.raises((UsageError, ConfigurationError), match=message):
            run_notebook(**{"notebook": notebook} | options)
    assert not (tmp_path / "work.executed.ipynb").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [("- 1\n- 2\n", "holds a list, not a table"), ("{a: [", "neither YAML nor JSON")],
)
def test_a_parameter_file_must_hold_a_table(write_notebook, tmp_path, content, message):
    file = tmp_path / "parameters.yaml"
    file.write_text(content)
    with pytest.raises(UsageError, match=message):
        run_notebook(write_notebook("1"), parameters_file=file)


def test_a_notebook_without_a_kernel_needs_one_named(write_notebook):
    notebook = write_notebook("print(1)", kernel=None)
    with pytest.raises(UsageError, match="names no kernel"):
        run_notebook(notebook)
    assert run_notebook(notebook, kernel="python3", parameters={"a": 1}).exit_code == 0


def test_a_file_that_is_no_notebook_is_refused(tmp_path):
    path = tmp_path / "plain.ipynb"
    for content in ("no json", "{}", "[]"):
        path.write_text(content)
        with pytest.raises(UsageError, match="is not a notebook"):
            run_notebook(path)


def test_a_notebook_runs_in_a_locked_environment_that_lacks_what_is_installed_here(run, tmp_path):
    (tmp_path / "night.txt").write_text("six==1.16.0\n")
    lines: list[str] = []
    result = run(
        "%load_ext mlmagic",
        "import importlib.util, six\nsix.__version__, importlib.util.find_spec('jupyterlab')",
        "kept = %ml environment list\nany(each.name.endswith('-notebook') for each in kept)",
        environment="night.txt",
        progress=lines.append,
    )
    assert result.exit_code == 0, result.failure
    cells = nbformat.read(result.output, as_version=4).cells
    assert cells[1].outputs[0].data["text/plain"] == "('1.16.0', None)"
    assert cells[2].outputs[0].data["text/plain"] == "True"
    assert any("choosing versions" in line for line in lines)


def test_a_notebook_of_azure_ml_runs_as_it_is(run):
    cells = "from azureml.core import Workspace\nprint(Workspace.__module__)"
    assert run(cells).failure.ename == "ModuleNotFoundError"
    result = run(cells, azureml=True)
    assert result.exit_code == 0, result.failure
    assert texts(result.output)[-1].startswith("mlmagic.azureml.core.workspace")
    again = run_notebook(result.output, azureml=True)
    assert len(nbformat.read(again.output, as_version=4).cells) == 2


def test_a_notebook_of_azure_mls_machines_runs_in_a_kernel_that_is_here(write_notebook):
    lines: list[str] = []
    kernel = {"name": "python36", "display_name": "Python 3.6", "language": "python"}
    cells = (
        "%pip install azureml-sdk",
        "from azureml.core.run import Run, _OfflineRun",
        "with Run.get_context() as run:\n    print(isinstance(run, _OfflineRun))",
        "print(hasattr(run, 'experiment'))",
    )
    notebook = write_notebook(*cells, kernel=kernel)
    with pytest.raises(UsageError, match="There is no kernel 'python36'"):
        run_notebook(notebook)
    result = run_notebook(notebook, azureml=True, progress=lines.append)
    assert result.exit_code == 0, result.failure
    said = texts(result.output)
    assert said[1] == "'azureml-sdk' is not installed: mlmagic takes its place.\n"
    assert "\nTrue\n[STOP] Run OfflineRun_" in said[3]
    assert said[4] == "False\n"
    assert "There is no kernel 'python36' here: the notebook runs in 'python3'." in lines
    r = write_notebook("1", kernel=kernel | {"name": "ir", "language": "R"})
    with pytest.raises(UsageError, match="There is no kernel 'ir'"):
        run_notebook(r, azureml=True)
    document = nbformat.read(r, as_version=4)
    del document.metadata.kernelspec["language"]
    document.metadata.language_info = {"name": "R"}
    nbformat.write(document, r)
    with pytest.raises(UsageError, match="There is no kernel 'ir'"):
        run_notebook(r, azureml=True)


def test_a_kernel_and_an_environment_exclude_each_other(run):
    with pytest.raises(UsageError, match="'python3' and the environment 'minimal' exclude"):
        run("1", kernel="python3", environment="minimal")


def test_that_the_kernel_is_stopped_at_the_end_is_no_news(run):
    # The stop interrupts, and meets a kernel that is still at a message here.
    busy = """
import time

handlers = get_ipython().kernel.shell_handlers
tell = handlers["kernel_info_request"]

async def tell_and_stay(*request):
    await tell(*request)
    time.sleep(60)

handlers["kernel_info_request"] = tell_and_stay
"""
    lines: list[str] = []
    assert run(busy, "1 + 1", progress=lines.append).exit_code == 0
    assert lines[-1].endswith("s  2")
