"""The magics in a shell: lines in, results of the workspace out."""

import os
from pathlib import Path

import pytest

from mlmagic import journal
from mlmagic.azureml import load_ipython_extension
from mlmagic.entities import Registration
from mlmagic.errors import (
    ConfigurationError,
    EnvironmentSetupError,
    MlmagicError,
    RegistryError,
    UsageError,
)
from mlmagic.magics.session import Session
from mlmagic.magics.showing import Progress

MODEL = b"not much of a model"


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(MODEL)
    return path


def test_register_returns_what_was_done(shell, model_file):
    done = shell.cell("%register model.bin --name tiny --tag a=b --description 'two words'")
    assert isinstance(done, Registration)
    assert (done.model.id, done.outcome) == ("tiny:1", "registered")
    assert done.model.tags == {"a": "b"}
    assert done.model.description == "two words"
    assert done.model.lineage.execution_count == 1
    assert shell.cell("%register model.bin --name tiny").outcome == "unchanged"


def test_a_sample_is_a_variable_a_file_or_json(shell, model_file, tmp_path):
    (tmp_path / "rows.json").write_text("[[1, 2]]")
    shell.cell("rows = [[3, 4], [5, 6]]")
    for name, word in [("a", "rows"), ("b", "@rows.json"), ("c", "'[[7, 8]]'")]:
        done = shell.cell(f"%register model.bin --name {name} --sample {word}")
        assert done.model.sample is not None
    with pytest.raises(UsageError, match="Did you mean 'rows'"):
        shell.cell("%register model.bin --name d --sample row")


def test_a_name_that_means_two_things_is_asked_about(shell, tmp_path):
    (tmp_path / "model").write_bytes(MODEL)
    assert shell.cell("%register model --name m").model.files[0].path == "model"
    shell.cell("model = {'weights': [1, 2]}")
    with pytest.raises(
        UsageError, match=r"'var:model' for the variable or '\./model' for the path"
    ):
        shell.cell("%register model --name m")
    assert shell.cell("%register ./model --name m").outcome == "unchanged"


def test_an_unknown_name_is_told(shell):
    shell.cell("ridge = 1")
    with pytest.raises(UsageError, match=r"no variable and no path 'rigde'\. Did you mean 'ridge'"):
        shell.cell("%register rigde --name m")


def test_expressions_are_expanded_on_the_line(shell, model_file):
    shell.cell("names = ['x', 'y']")
    assert shell.cell("%register model.bin --name {names[1]}-1").model.name == "y-1"
    with pytest.raises(UsageError, match=r"'\{nope\}' cannot be expanded: NameError"):
        shell.cell("%ml model show {nope}")


def test_json_on_the_line_stays_as_it_is(shell, model_file):
    done = shell.cell("""%register model.bin --name j --sample '{"a": 5}'""")
    assert done.model.sample.content.size == len('{"a": 5}')


def test_local_variables_are_seen_where_a_function_calls(shell, model_file):
    shell.cell(
        "def go():\n    local = 'inside'\n"
        "    return get_ipython().run_line_magic('register', 'model.bin --name {local}')\n"
    )
    assert shell.cell("go()").model.name == "inside"


def test_ml_lists_show_as_tables_and_stay_lists(shell, model_file):
    shell.cell("%register model.bin --name tiny")
    found = shell.cell("%ml model list")
    assert [model.name for model in found] == ["tiny"]
    assert repr(found).splitlines()[0].startswith("name  version")
    assert "<table>" in found._repr_html_()
    assert repr(shell.cell("%ml models -n other")).startswith("There is no such model")


def test_ml_output_formats(shell, model_file):
    shell.cell("%register model.bin --name tiny")
    assert shell.cell("%ml model list --query '[].id' -o tsv") == "tiny:1"
    assert '"id": "tiny:1"' in shell.cell("%ml model show tiny -o json")
    with pytest.raises(UsageError, match="'xml' is not allowed"):
        shell.cell("%ml model list -o xml")


def test_ml_writes_to_a_file_as_a_shell_does(shell, model_file, tmp_path, capsys):
    shell.cell("%register model.bin --name tiny --description '# > x'  # with a comment")
    assert shell.cell("%ml model show tiny > card.txt     # the same, to keep") is None
    assert "'card.txt' written" in capsys.readouterr().out
    kept = (tmp_path / "card.txt").read_text()
    assert kept.startswith("model        tiny:1\ndescription  # > x\n")
    assert kept.endswith("\n")
    shell.cell("%ml model list --query '[?version > `9`].id' -o json > 'no ids'")
    assert (tmp_path / "no ids").read_text() == "[]\n"

    ids = "%ml model list --query '[].id' -o tsv"
    (tmp_path / "ids").touch(0o600)
    (tmp_path / "link").symlink_to("ids")
    for line in (f"{ids} > link", f"{ids} >>ids", f"{ids} >> 'new folder/{{1 + 1}}'"):
        shell.cell(line)
    assert (tmp_path / "ids").read_text() == "tiny:1\ntiny:1\n"
    assert ((tmp_path / "ids").stat().st_mode & 0o777, (tmp_path / "link").is_symlink()) == (
        0o600,
        True,
    )
    assert (tmp_path / "new folder" / "2").read_text() == "tiny:1\n"
    shell.cell(f"{ids} > /dev/null")
    assert not Path("/dev/null").is_file()


def test_what_variables_hold_is_neither_a_comment_nor_a_redirection(shell, model_file, tmp_path):
    shell.cell("ticket, text, place, kind = '#12', 'accuracy > 0.9', 'a#1', 'json'")
    done = shell.cell("%register model.bin --name a --description {ticket}  # {not a variable}")
    assert done.model.description == "#12"
    done = shell.cell("%register model.bin --name b --description '{text}  # 2'")
    assert done.model.description == "accuracy > 0.9  # 2"
    shown = shell.cell("%ml model show b --query id -o {kind if 2 > 1 else text}")
    assert shown == '"b:1"'
    with pytest.raises(UsageError, match="'>' is one too many"):
        shell.cell("%ml model show {text}")
    assert not (tmp_path / "0.9").exists()
    shell.cell("%ml model update a:1 --description {ticket} > {place}  # {not a variable}")
    shell.cell("%ml model show a:1 --query description -o tsv >> {place}")
    assert (tmp_path / "a#1").read_text().endswith("#12\n")


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("show nobody > ids", "'nobody'"),
        ("list >", "one file is named, not ''"),
        ("list > ids more", "one file is named, not 'ids more'"),
        ("list > .", "'.' cannot be written: Is a directory"),
        ("list > 'ids", "cannot be split"),
        ("list --query 'a > ids", "cannot be split"),
    ],
)
def test_a_line_that_fails_leaves_the_file_as_it_was(shell, model_file, tmp_path, end, message):
    shell.cell("%register model.bin --name tiny")
    (tmp_path / "ids").write_text("before")
    with pytest.raises(MlmagicError, match=message):
        shell.cell(f"%ml model {end}")
    assert (tmp_path / "ids").read_text() == "before"


def test_a_run_is_told_progress_unless_only_errors_are_asked_for(shell, tmp_path, monkeypatch):
    monkeypatch.setenv("MLMAGIC_HEADLESS", "1")
    monkeypatch.setenv(journal.JOURNAL_VARIABLE, str(tmp_path / "journal"))
    session = Session(shell)
    for quiet in (None, True):
        with Progress(session, quiet=quiet) as say:
            say(f"{quiet=}")
    noted = journal.read(tmp_path / "journal")
    assert [entry["line"] for entry in noted] == ["quiet=None"]


def test_ml_settings_have_origins(shell, monkeypatch):
    monkeypatch.setenv("MLMAGIC_DEFAULT_TARGET", "docker")
    rows = {row["name"]: row for row in shell.cell("%ml config")}
    assert rows["default_target"]["origin"] == "MLMAGIC_DEFAULT_TARGET"
    assert "docker" in repr(shell.cell("%ml config"))


def test_ml_settings_are_shown_where_they_are_wrong(shell, tmp_path):
    (tmp_path / "mlmagic.toml").write_text("headless = 'maybe'\ntraget = 'docker'\n")
    with pytest.raises(ConfigurationError, match="'headless' is 'maybe'"):
        shell.cell("%ml model list")
    shown = repr(shell.cell("%ml config"))
    assert "'headless' is 'maybe' (mlmagic.toml), but must be true or false" in shown
    assert "Did you mean 'target'" in shown
    assert not shell.cell("%ml doctor").healthy


def test_configurations_from_cells(shell):
    shell.cell("workers = 3")
    kept = shell.cell("%%deployment_config dc --expand\nworkers: {workers}\n")
    assert kept.text == "workers: 3\n"
    assert shell.cell("%ml config show dc").kind == "deployment"
    assert [kept.name for kept in shell.cell("%ml config list")] == ["dc"]
    kept = shell.cell(
        '%%deployment_config dc2 --expand\n{"port": {8000 + workers}, "variables": {}}'
    )
    assert kept.text == '{"port": 8003, "variables": {}}\n'
    kept = shell.cell('%%inference_config ic\n{"entryScript": "score.py"}')
    assert kept.text == '{"entryScript": "score.py"}\n'


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("%%deployment_config dc\nworkers: {n}\n", ConfigurationError),
        ('%%deployment_config dc\n{"workers": {n}}\n', ConfigurationError),
        ("%%environment own\nnumpy=={n}\n", EnvironmentSetupError),
    ],
)
def test_a_wrong_cell_with_an_expression_names_expand(shell, cell, error):
    with pytest.raises(error, match=r"'\{n\}' stays as it is without --expand"):
        shell.cell(cell)


@pytest.mark.parametrize("line", ["%deploy --help", "%register -h", "%ml deploy --help"])
def test_help_is_shown_where_it_is_asked_for_on_the_line(shell, line):
    shown = repr(shell.cell(line))
    assert "--description" in shown
    assert not shown.startswith(":")


def test_a_wrong_configuration_tells_the_line_of_the_cell(shell):
    with pytest.raises(ConfigurationError, match=r"line 3.*Did you mean 'workers'"):
        shell.cell("%%deployment_config dc\nport: 8890\nworkrs: 2\n")
    with pytest.raises(ConfigurationError, match=r"line 4"):
        shell.cell("\n%%deployment_config dc\nport: 8890\nworkrs: 2\n")


def test_environments_from_cells(shell):
    assert shell.cell("%%environment mine\npandas>=2\n").requirements == ("pandas>=2",)
    assert "mine" in repr(shell.cell("%ml environment list"))


def test_errors_are_the_rooms_own(shell):
    with pytest.raises(RegistryError, match="'nobody'"):
        shell.cell("%ml model show nobody")
    with pytest.raises(UsageError, match="Did you mean '--memory'"):
        shell.cell("%deploy svc --memry 1")
    with pytest.raises(UsageError, match="cannot be split into words"):
        shell.cell("%deploy 'svc")
    with pytest.raises(UsageError, match="SERVICE is missing"):
        shell.cell("%deploy")
    with pytest.raises(UsageError, match="The script is missing"):
        shell.cell("%score_script")
    with pytest.raises(UsageError, match="No cell that has run begins with"):
        shell.cell("%score_script --last")


def test_an_error_is_one_line_unless_asked_otherwise(shell):
    with pytest.raises(UsageError) as caught:
        shell.cell("%deploy")
    assert caught.value._render_traceback_() == [f"UsageError: {caught.value}"]
    shell.cell("%config MlmagicMagics.show_traceback = True")
    with pytest.raises(UsageError) as caught:
        shell.cell("%deploy")
    assert not hasattr(caught.value, "_render_traceback_")


def test_help_comes_from_the_table(shell, capsys):
    shell.cell("%deploy?")
    shown = capsys.readouterr().out
    assert "--inference-config" in shown
    assert "%%inference_config" in shown
    assert "%deploy diabetes-svc --model diabetes --script score.py" in shown
    assert "%%score_script score.py" in shell.find_line_magic("score_script").__doc__
    assert "service list" in shell.cell("%ml")
    assert "--tail" in shell.cell("%ml service logs --help")


def test_v1s_extension_changes_cells_until_it_is_unloaded(shell):
    before = shell.transform_cell("!az ml model list")
    shell.run_line_magic("load_ext", "mlmagic.azureml")
    loaded = list(shell.input_transformers_cleanup)
    assert "mlmagic --as-az model list" in shell.transform_cell("!az ml model list")
    load_ipython_extension(shell)
    assert shell.input_transformers_cleanup == loaded
    shell.run_line_magic("unload_ext", "mlmagic.azureml")
    assert shell.transform_cell("!az ml model list") == before


def test_v1s_extension_finds_our_command_where_no_environment_is_activated(shell, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    before = os.environ["PATH"]
    shell.run_line_magic("load_ext", "mlmagic.azureml")
    shell.cell("told = !az ml model list --query 'length(@)'")
    (told,) = shell.user_ns["told"]
    assert told == "0"
    assert os.environ["PATH"].startswith(before)
    shell.run_line_magic("unload_ext", "mlmagic.azureml")


@pytest.mark.parametrize("value", [None, "json"])
def test_v1s_extension_leaves_the_users_format_as_it_is(shell, monkeypatch, value):
    monkeypatch.delenv("MLMAGIC_OUTPUT", raising=False)
    if value:
        monkeypatch.setenv("MLMAGIC_OUTPUT", value)
    shell.run_line_magic("load_ext", "mlmagic.azureml")
    assert os.environ.get("MLMAGIC_OUTPUT") == value
    shell.run_line_magic("unload_ext", "mlmagic.azureml")
    assert os.environ.get("MLMAGIC_OUTPUT") == value


def test_unload_takes_everything_away(shell):
    before = len(shell.Completer.custom_matchers)
    shell.run_line_magic("reload_ext", "mlmagic")
    assert len(shell.Completer.custom_matchers) == before
    shell.run_line_magic("unload_ext", "mlmagic")
    assert len(shell.Completer.custom_matchers) == before - 1
    assert shell.find_line_magic("deploy") is None
    assert shell.find_cell_magic("score_script") is None
    assert not any(type(c).__name__ == "MlmagicMagics" for c in shell.configurables)
    plain = shell.display_formatter.formatters["text/plain"]
    assert not any("mlmagic" in module for module, _ in plain.deferred_printers)
    assert not any("mlmagic" in kind.__module__ for kind in plain.type_printers)
    shell.run_line_magic("load_ext", "mlmagic")


def test_the_workspace_follows_the_folder(shell, model_file, tmp_path, monkeypatch):
    shell.cell("%register model.bin --name tiny")
    other = tmp_path / "other"
    other.mkdir()
    (other / ".mlmagic").mkdir()
    shell.cell("%ml workspace create other")
    monkeypatch.chdir(other)
    assert shell.cell("%ml model list") == []


def test_v1s_options_that_all_commands_take_are_known_to_ml(shell, model_file, tmp_path, capsys):
    shell.cell("%register model.bin --name tiny")
    capsys.readouterr()
    name = tmp_path.name
    line = f"%ml model list -w {name} -g group --subscription-id s -y --verbose --no-wait"
    assert [model.id for model in shell.cell(line)] == ["tiny:1"]
    assert "no workspace" not in capsys.readouterr().out
    assert [model.id for model in shell.cell("%ml model list -v -w nobody")] == ["tiny:1"]
    assert "there is no workspace 'nobody' here" in capsys.readouterr().out
    (tmp_path / "other").mkdir()
    shell.cell("%ml workspace create other -w second")
    assert shell.cell("%ml model list --path other") == []
    with pytest.raises(UsageError, match="-w needs a value"):
        shell.cell("%ml model list -w")


def test_ml_deploy_derives_the_name_of_the_service_as_the_shell_does(shell, model_file, capsys):
    shell.cell("%register model.bin --name tiny")
    with pytest.raises(ConfigurationError, match="The service 'tiny-svc' has no entry script"):
        shell.cell("%ml model deploy -m tiny:1")
    assert "service name: tiny-svc (give another with -n)" in capsys.readouterr().out
