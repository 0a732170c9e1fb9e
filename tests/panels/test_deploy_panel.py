"""The Python half of the deploy panel: fields of each target, and what may be a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell

from mlmagic import Workspace
from mlmagic.errors import MlmagicError, UsageError
from mlmagic.magics.lines import words_of
from mlmagic.options import magic_verb
from mlmagic.panels.deploy import DeployPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "s3cret-of-the-test"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path)


@pytest.fixture
def open_panel(workspace: Workspace) -> Iterator[Callable[..., DeployPanel]]:
    opened: list[DeployPanel] = []

    def make(**values: str) -> DeployPanel:
        opened.append(DeployPanel(workspace, {"name": "svc", **values}))
        return opened[-1]

    yield make
    for panel in opened:
        panel.close()


def fields(panel: DeployPanel) -> dict[str, dict[str, object]]:
    return {field["name"]: field for field in panel.fields}


def saved(panel: DeployPanel) -> str:
    """What a notebook would hold of the panel: its state, and the texts beside it."""
    return f"{panel.get_state()} {panel.to_html()} {panel.line(private=False)}"


def test_each_target_has_its_own_fields_with_defaults_and_units(open_panel):
    panel = open_panel()
    assert fields(panel)["workers"]["default"] == "1"
    assert fields(panel)["scoring_timeout_ms"]["unit"] == "ms"
    assert {"restart", "replicas", "autoscale_enabled"}.isdisjoint(fields(panel))
    panel.commands["set"]({"name": "target", "value": "docker"})
    assert fields(panel)["restart"]["default"] == "unless-stopped"
    assert fields(panel)["volumes"]["part"] == "target"
    assert {"replicas", "autoscale_max"}.isdisjoint(fields(panel))
    panel.commands["set"]({"name": "target", "value": "kubernetes"})
    assert fields(panel)["liveness_period_seconds"]["default"] == "10"
    assert fields(panel)["liveness_period_seconds"]["unit"] == "s"
    assert fields(panel)["cpu_limit"]["unit"] == "CPUs"
    assert {"restart", "address", "token_auth_enabled"}.isdisjoint(fields(panel))


def test_what_is_wrong_is_told_of_each_field_and_of_all_together(open_panel):
    panel = open_panel(target="kubernetes", replicas="0")
    assert "allowed: at least 1" in panel.problems["replicas"]
    panel.values = {**panel.values, "replicas": "9", "autoscale_max": "3"}
    assert panel.problems == {"": "'9' replicas are not between '1' and '3'"}
    with pytest.raises(Exception, match="'9' replicas are not between"):
        panel.commands["plan"]({})
    panel.values = {**panel.values, "replicas": "2", "name": "iris svc"}
    assert "The service name 'iris svc' is not allowed." in panel.problems["name"]
    with pytest.raises(UsageError, match=r"^name: The service name .* or digit\.$"):
        panel.commands["plan"]({})
    panel.values = {**panel.values, "name": "iris-svc"}
    assert panel.problems == {}


@pytest.mark.parametrize("way", ["at first", "trait", "page"])
def test_values_of_variables_are_in_no_state(open_panel, way):
    text = f"TOKEN={SECRET}\nMODE=fast"
    panel = open_panel(**({"variables": text} if way == "at first" else {}))
    if way == "trait":
        panel.values = {**panel.values, "variables": text}
    if way == "page":
        panel.commands["set"]({"name": "variables", "value": text})
    assert SECRET not in saved(panel)
    assert fields(panel)["variables"]["kept"] == "TOKEN, MODE"
    assert f"--env TOKEN={SECRET}" in panel.line()
    assert "--env 'TOKEN=…' --env 'MODE=…'" in panel.line(private=False)
    panel.values = {**panel.values, "workers": "2"}
    assert SECRET in panel.line()  # held while others change
    panel.commands["set"]({"name": "variables", "value": ""})
    assert "--env" not in panel.line()


@pytest.mark.parametrize("anew", [{}, {"name": "other"}])
def test_values_that_begin_anew_forget_variables(open_panel, anew):
    panel = open_panel(target="local", workers="2", variables=f"TOKEN={SECRET}")
    panel.values = {**panel.values, "name": "renamed"}
    assert SECRET in panel.line()
    panel.values = anew
    assert "--env" not in panel.line()
    assert fields(panel)["variables"]["kept"] == ""
    panel.commands["set"]({"name": "variables", "value": f"TOKEN={SECRET}"})
    panel.values = {"variables": "MODE=fast"}
    assert panel.line() == "%deploy --env MODE=fast"


def test_a_variable_that_is_wrong_is_not_quoted(open_panel):
    panel = open_panel()
    panel.commands["set"]({"name": "variables", "value": SECRET})
    assert panel.problems == {"variables": "is not KEY=VALUE on each line"}
    assert SECRET not in saved(panel)


SCRIPT = """\
# an entry script
def init():
    pass


def run(raw_data):
    return raw_data
"""


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()
    shell.history_manager.end_session()


def test_a_cell_that_has_run_is_captured(open_panel, shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    marked = " # mlmagic: score_script\nhelper = 1"
    for cell in ("%%time\n1", f"\n%%score_script score.py\n{SCRIPT}", marked, "%pwd"):
        shell.history_manager.store_inputs(len(shell.history_manager.input_hist_raw), cell)
    panel = open_panel()
    newest, other = panel.commands["cells"]({})
    assert newest == {"number": 2, "title": "In [2]  # an entry script", "source": SCRIPT}
    assert other["source"] == "helper = 1\n"
    told = panel.commands["capture"]({"number": 2, "file": "scoring.py", "overwrite": False})
    assert "captured from In [2]" in told["text"]
    assert "init()" in told["text"]
    assert (tmp_path / "scoring.py").read_text() == SCRIPT
    assert panel.values["script"] == "scoring.py"


def test_a_script_is_replaced_by_a_cell_only_when_wanted(open_panel, shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shell.history_manager.store_inputs(1, SCRIPT)
    panel = open_panel()
    wanted = {"number": 1, "file": ""}
    assert panel.commands["existing"](wanted) == []
    written = tmp_path / "score.py"
    written.write_text("# by hand\n")
    assert panel.commands["existing"](wanted) == ["score.py"]
    with pytest.raises(MlmagicError, match=r"'score.py' exists already"):
        panel.commands["capture"]({"number": 1, "file": "", "overwrite": False})
    assert written.read_text() == "# by hand\n"
    assert "script" not in panel.values
    panel.commands["capture"]({"number": 1, "file": "score.py", "overwrite": True})
    assert written.read_text() == SCRIPT
    assert panel.commands["existing"](wanted) == []  # the text is the same


def test_a_script_in_its_source_directory_is_not_replaced_unasked(
    open_panel, shell, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shell.history_manager.store_inputs(1, SCRIPT)
    written = tmp_path / "src" / "score.py"
    written.parent.mkdir()
    written.write_text("# by hand\n")
    panel = open_panel(source_directory="src")
    assert panel.commands["existing"]({"number": 1, "file": "score.py"}) == ["src/score.py"]
    with pytest.raises(MlmagicError, match=r"'src/score.py' exists already"):
        panel.commands["capture"]({"number": 1, "file": "score.py", "overwrite": False})
    assert written.read_text() == "# by hand\n"


def test_a_cell_that_would_not_travel_is_refused_with_its_line(open_panel, shell, monkeypatch):
    shell.user_ns["helper"] = 1
    shell.history_manager.store_inputs(1, SCRIPT.replace("return raw_data", "return helper"))
    panel = open_panel()
    with pytest.raises(MlmagicError, match=r"In \[1\], line 7: .*helper"):
        panel.commands["capture"]({"number": 1, "file": "", "overwrite": False})
    assert "script" not in panel.values
    with pytest.raises(MlmagicError, match="no cell '7' any more"):
        panel.commands["capture"]({"number": 7, "file": "", "overwrite": False})


def test_configuration_files_are_written_once_and_replaced_when_wanted(
    open_panel, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    panel = open_panel(script="score.py", models="churn:1", cpu="2", variables=f"T={SECRET}")
    told = panel.commands["configuration"]({"format": "json"})
    assert [name for name, _ in told["parts"]] == ["inferenceconfig.json", "deploymentconfig.json"]
    assert SECRET not in f"{told['parts']}"
    assert told["existing"] == []
    files = "--ic inferenceconfig.json --dc deploymentconfig.json"
    assert told["line"] == f"%deploy svc --model churn:1 --env T={SECRET} {files}"
    panel.commands["write"]({"format": "json", "overwrite": False})
    assert '"computeType": "local"' in (tmp_path / "deploymentconfig.json").read_text()
    assert panel.commands["configuration"]({"format": "json"})["existing"] == []
    panel.commands["set"]({"name": "workers", "value": "3"})
    changed = panel.commands["configuration"]({"format": "json"})["existing"]
    assert changed == ["deploymentconfig.json"]
    with pytest.raises(MlmagicError, match=r"'deploymentconfig.json' exists already"):
        panel.commands["write"]({"format": "json", "overwrite": False})
    panel.commands["write"]({"format": "json", "overwrite": True})
    assert '"workers": 3' in (tmp_path / "deploymentconfig.json").read_text()
    assert "'workers'" in panel.commands["configuration"]({"format": "yaml"})["notes"][0]
    assert {"inferenceconfig.json", "deploymentconfig.json"} <= suggested(panel, "inference_config")


def suggested(panel: DeployPanel, name: str) -> set[str]:
    """What a field offers."""
    return set(fields(panel)[name]["suggestions"])  # type: ignore[call-overload]


def test_configurations_are_kept_by_name_once_and_replaced_when_wanted(open_panel, workspace):
    panel = open_panel(script="score.py", cpu="2", memory="1G", variables=f"T={SECRET}")
    told = panel.commands["configuration"]({"format": "cell"})
    assert told["parts"] == [
        ["svc-inference", "%%inference_config svc-inference\nentry_script: score.py\n"],
        [
            "svc-deployment",
            "%%deployment_config svc-deployment\ntarget: local\ncpu: '2'\nmemory: 1G\n",
        ],
    ]
    assert told["line"] == "%deploy svc --env 'T=…' --ic svc-inference --dc svc-deployment"
    assert (told["notes"], told["existing"]) == ([], [])
    panel.commands["write"]({"format": "cell", "overwrite": False})
    assert suggested(panel, "inference_config") == {"svc-inference"}
    assert suggested(panel, "deployment_config") == {"svc-deployment"}
    assert panel.commands["configuration"]({"format": "cell"})["existing"] == []
    panel.commands["set"]({"name": "workers", "value": "3"})
    assert panel.commands["configuration"]({"format": "cell"})["existing"] == ["svc-deployment"]
    with pytest.raises(MlmagicError, match=r"'svc-deployment' exists already"):
        panel.commands["write"]({"format": "cell", "overwrite": False})
    panel.commands["write"]({"format": "cell", "overwrite": True})
    assert workspace.configurations.read_deployment("svc-deployment").values["workers"] == 3


def test_what_is_said_over_a_named_configuration_stays_on_the_line(open_panel):
    panel = open_panel(script="score.py", workers="2", deployment_config="mine.yml")
    told = panel.commands["configuration"]({"format": "cell"})
    assert [name for name, _ in told["parts"]] == ["svc-inference"]
    words = "--target local --deployment-config mine.yml --workers 2 --ic svc-inference"
    assert told["line"] == f"%deploy svc {words}"
    panel.commands["set"]({"name": "inference_config", "value": "mine"})
    told = panel.commands["configuration"]({"format": "cell"})
    assert (told["parts"], told["notes"], told["line"]) == ([], [], panel.line())
    with pytest.raises(MlmagicError, match="Empty the field 'deployment config'"):
        panel.commands["configuration"]({"format": "json"})


@pytest.mark.parametrize("text", ["a {b} c # d", "{{b}}", '{"a": {"b": {}}} {c}', "it's {0} %a $b"])
def test_a_line_says_what_its_fields_say_to_the_letter(open_panel, text):
    panel = open_panel(description=text, target="")
    assert words_of(panel.line(), {}) == ["%deploy", "svc", "--description", text]


def test_the_line_of_a_cell_keeps_values_back_and_does_not_deploy_without_them(open_panel):
    panel = open_panel(script="score.py", variables=f"T={SECRET}")
    told = panel.commands["line"]({})
    assert f"--env T={SECRET}" in told["text"]
    assert told["cell"] == panel.line(private=False)
    option = next(option for option in magic_verb("%deploy").options if option.name == "variables")
    with pytest.raises(ValueError, match="'T=…' is a line that keeps a value back"):
        option.read("T=…")


def test_lists_are_written_into_the_files_that_the_line_uses(
    open_panel, workspace, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    panel = open_panel(target="docker", volumes="/data:/data:ro\n/tmp:/scratch", networks="front")
    told = panel.commands["configuration"]({"format": "yaml"})
    assert told["line"] == "%deploy svc --dc deploymentconfig.yml"
    assert told["notes"] == ["Only mlmagic knows the keys 'networks', 'volumes'."]
    panel.commands["write"]({"format": "yaml", "overwrite": False})
    assert workspace.configurations.read_deployment("deploymentconfig.yml").values == {
        "volumes": ("/data:/data:ro", "/tmp:/scratch"),
        "networks": ("front",),
    }


def test_it_is_laid_out_and_linked_like_any_ipywidget(open_panel):
    panel, other = open_panel(), open_panel(name="other")
    slider = ipywidgets.IntSlider(value=1, min=1, max=8)
    slider.observe(
        lambda change: setattr(panel, "values", panel.values | {"workers": f"{change.new}"}),
        "value",
    )
    label = ipywidgets.Label()
    ipywidgets.dlink((panel, "problems"), (label, "value"), ", ".join)
    slider.value = 3
    assert "--workers 3" in panel.line()
    panel.values = {**panel.values, "workers": "many"}
    assert label.value == "workers"
    ipywidgets.jslink((panel, "values"), (other, "values"))  # in the page, without the kernel
    panel.layout.width = "30em"
    box = ipywidgets.VBox([slider, panel, label], layout=ipywidgets.Layout(border="1px solid"))
    tab = ipywidgets.Tab([box, other], titles=["one", "another"])
    assert tab.get_state()["children"] == [f"IPY_MODEL_{each.model_id}" for each in (box, other)]
