"""The magics in a real kernel: what is sent, what errors are called."""

import json
import sys

import pytest

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return len(raw_data)\n"


def test_a_result_is_sent_as_text_and_html(kernel):
    (kernel.folder / "model.bin").write_bytes(b"model")
    sent = kernel.run("%register model.bin --name tiny")
    data = next(content["data"] for kind, content in sent if kind == "execute_result")
    assert data["text/plain"].startswith("tiny:1  registered   ")
    assert "<pre" in data["text/html"]
    assert kernel.text("%register model.bin --name tiny") == "tiny:1  unchanged (same content)"


@pytest.mark.parametrize(
    ("code", "ename", "told"),
    [
        ("%deploy svc --memry 1", "UsageError", "Did you mean '--memory'?"),
        ("%ml service show nobody", "ServiceNotFoundError", "'nobody'"),
        ("%%deployment_config dc\nworkrs: 1", "ConfigurationError", "line 2"),
    ],
)
def test_errors_keep_their_names_and_are_one_line(kernel, code, ename, told):
    error = kernel.error(code)
    assert error["ename"] == ename
    assert told in error["evalue"]
    assert error["traceback"] == [f"{ename}: {error['evalue']}"]


def test_a_script_problem_has_the_lines_of_the_cell(kernel):
    kernel.run("ridge = 1")
    script = SCRIPT.replace("len(raw_data)", "ridge")
    count = int(kernel.text("len(In)"))
    error = kernel.error(f"%%score_script bad.py --no-trial\n{script}")
    assert error["ename"] == "ScriptContractError"
    assert f"In [{count}], line 7" in error["evalue"]
    assert "'ridge'" in error["evalue"]
    assert not (kernel.folder / "bad.py").exists()


def test_a_marked_cell_is_captured(kernel):
    count = int(kernel.text("len(In)"))
    kernel.run(f"# mlmagic: score_script marked.py --no-trial\n{SCRIPT}")
    told = kernel.text("%score_script --last")
    assert told.startswith(f"marked.py   captured from In [{count}] · 6 lines")
    assert (kernel.folder / "marked.py").read_text() == SCRIPT


def test_progress_leaves_nothing_behind(kernel):
    sent = kernel.run(f"%%score_script other.py --no-trial\n{SCRIPT}")
    shown = [c for kind, c in sent if kind in ("display_data", "update_display_data")]
    assert shown == [] or shown[-1]["data"] == {"text/plain": "", "text/html": ""}
    assert [kind for kind, _ in sent].count("execute_result") == 1


def test_a_commands_progress_in_a_cell_is_lines(kernel):
    (kernel.folder / "model.bin").write_bytes(b"model")
    sent = kernel.run(f"!{sys.executable} -m mlmagic model register -n in-a-cell -p model.bin")
    text = "".join(content["text"] for kind, content in sent if kind == "stream")
    assert "in-a-cell:1  registered" in text
    assert "\x1b[K" not in text
    assert "\r" not in text.replace("\r\n", "\n")


def test_nobody_watches_without_input(kernel):
    ask = "get_ipython().find_line_magic('deploy').__self__.session.headless"
    for interactive, wanted in [(True, "False"), (False, "True")]:
        sent = kernel.run(ask, interactive=interactive)
        assert [c["data"]["text/plain"] for k, c in sent if k == "execute_result"] == [wanted]
    kernel.run("import os; os.environ['MLMAGIC_HEADLESS'] = '1'")
    assert kernel.text(ask) == "True"
    kernel.run("del os.environ['MLMAGIC_HEADLESS']")


@pytest.mark.parametrize("watched", [True, False])
def test_the_form_is_a_line_where_nobody_watches(kernel, watched):
    sent = kernel.run("%deploy --panel", interactive=watched)
    (data,) = [content["data"] for kind, content in sent if kind == "display_data"]
    assert data["text/plain"] == "%deploy --target local"
    assert "%deploy" in data["text/html"]
    assert ("application/vnd.jupyter.widget-view+json" in data) == watched


def test_completion_in_a_kernel(kernel):
    answer = kernel.client.complete("%deploy svc --mem", reply=True, timeout=120)["content"]
    assert "--memory" in answer["matches"]


def test_help_in_a_kernel(kernel):
    answer = kernel.client.inspect("%deploy", reply=True, timeout=120)["content"]
    assert "--deployment-config" in answer["data"]["text/plain"]


def test_the_first_use_says_where_the_workspace_is(kernel, tmp_path):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "model.bin").write_bytes(b"model")
    kernel.run(f"%cd -q {tmp_path}")
    for code, said in (
        ("%ml model list", ""),
        ("%register model.bin --name a", f"in '{tmp_path}/.mlmagic'\n"),
        ("%register model.bin --name b", ""),
    ):
        text = "".join(c["text"] for kind, c in kernel.run(code) if kind == "stream")
        assert text.endswith(said)
        assert bool(text) == bool(said)
    kernel.run(f"%cd -q {kernel.folder}")


def test_an_import_report_is_text_json_and_a_panel(kernel):
    (kernel.folder / "old-project").mkdir()
    text = "from azureml.core import Dataset\n"
    (kernel.folder / "old-project" / "train.py").write_text(text)
    sent = kernel.run("%ml import azureml old-project")
    (data,) = [content["data"] for kind, content in sent if kind == "execute_result"]
    assert "application/vnd.jupyter.widget-view+json" in data
    for form in ("text/plain", "text/html"):
        assert "Read the data with pandas or fsspec." in data[form]
    told = kernel.text("%ml import azureml old-project -o json --query decide")
    assert json.loads(told)[0]["file"] == "train.py"
    headless = kernel.run("%ml import azureml old-project", interactive=False)
    (data,) = [content["data"] for kind, content in headless if kind == "execute_result"]
    assert "application/vnd.jupyter.widget-view+json" not in data


def test_run_details_are_a_panel_once(kernel):
    sent = kernel.run(
        "from mlmagic.azureml.core import Experiment, Workspace\n"
        "from mlmagic.azureml.widgets import RunDetails\n"
        "run = Experiment(Workspace.from_config(), 'trials').start_logging()\n"
        "RunDetails(run).show()"
    )
    assert [content for kind, content in sent if kind == "error"] == []
    (data,) = [content["data"] for kind, content in sent if kind == "display_data"]
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "Running" in data["text/plain"]
    assert "Running" in data["text/html"]
