"""From what a user gives to what a service answers, on real services."""

import json
import pickle
from pathlib import Path

import pytest

from mlmagic import Workspace
from mlmagic.entities import CellOrigin, ServiceState
from mlmagic.environments.use import users
from mlmagic.errors import (
    ConfigurationError,
    DeploymentFailedError,
    ModelInUseError,
    ModelNotFoundError,
    Remark,
    ScriptContractError,
    ScriptTrialError,
    TargetNotFoundError,
    UnsafeModelError,
)

ANSWER = """\
import os

def init():
    global word
    word = {word!r}

def run(raw_data):
    return [word, os.environ["AZUREML_MODEL_DIR"], os.environ.get("GREETING")]
"""
READS_MODEL = """\
import os

def init():
    global text
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "m.txt")) as stream:
        text = stream.read()

def run(raw_data):
    return text
"""


def write(path: str, text: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def deploy(workspace, **options):
    return workspace.deploy("svc", environment="minimal", wait=True, **options)


def test_a_service_without_a_model_answers(workspace):
    write("score.py", ANSWER.format(word="a"))
    service = deploy(workspace, script="score.py", variables={"GREETING": "hello"})
    assert service.run("") == ["a", "azureml-models", "hello"]
    assert workspace.webservices["svc"].state is ServiceState.HEALTHY


def test_another_workspace_does_not_prune_the_environment_of_a_service(workspace, tmp_path):
    write("score.py", ANSWER.format(word="a"))
    identity = deploy(workspace, script="score.py").record.spec.lock.identity
    (tmp_path / "other").mkdir()
    other = Workspace.create(tmp_path / "other")
    assert tmp_path in users(other.cache_directory, identity)
    assert identity in other.prune_environments(dry_run=True).kept


def test_a_registered_model_is_placed_and_guarded_against_deletion(workspace):
    write("m.txt", "first")
    workspace.register_model("m.txt", name="m")
    write("score.py", READS_MODEL)
    assert deploy(workspace, models=["m"], script="score.py").run("") == "first"
    with pytest.raises(ModelInUseError, match="'svc'"):
        workspace.delete_model("m:1")
    write("m.txt", "second")
    workspace.register_model("m.txt", name="m")
    updated = workspace.update_service("svc", models=["m:2"], wait=True)
    assert (updated.outcome, updated.run("")) == ("updated", "second")
    assert workspace.delete_model("m:1").id == "m:1"


def test_keys_and_data_collection_of_v1s_file_are_honoured(workspace):
    first, second, third = (f"{word}-key-of-16-letters" for word in ("first", "second", "third"))
    keys = {"primaryKey": first, "secondaryKey": second}
    file = {"keys": keys, "dataCollection": {"storageEnabled": True}, "authEnabled": True}
    write("score.py", ANSWER.format(word="a").replace("GREETING", "AML_MODEL_DC_STORAGE_ENABLED"))
    service = deploy(workspace, script="score.py", deployment_config=file, secondary_key=third)
    assert service.get_keys() == (first, third)
    assert service.run("")[2] == "true"
    assert workspace.update_service("svc", primary_key=first).outcome == "unchanged"
    with pytest.raises(ConfigurationError, match="8 or more"):
        workspace.update_service("svc", primary_key="short")


def test_labels_change_in_place_and_narrow_lists(workspace):
    write("score.py", ANSWER.format(word="a"))
    deploy(workspace, script="score.py", tags={"area": "demo"}, properties={"team": "ml"})
    changed = workspace.update_service("svc", add_tags={"stage": "test"}, remove_tags=["area"])
    assert (changed.outcome, changed.record.current) == ("updated", 1)
    assert changed.snapshot()["tags"] == {"stage": "test"}
    assert workspace.update_service("svc", tags={"stage": "test"}).outcome == "unchanged"
    with pytest.raises(ConfigurationError, match="no tag 'stag'"):
        workspace.update_service("svc", remove_tags=["stag"])
    for wanted in (
        {"compute_type": "Local"}, {"tags": ["stage=test"]}, {"properties": ["team"]},
    ):  # fmt: skip
        assert [each.name for each in workspace.list_services(**wanted)] == ["svc"]
    for wanted in ({"compute_type": "aks"}, {"tags": ["stage=live"]}, {"model_name": "m"}):
        assert workspace.list_services(**wanted) == []


def test_an_unregistered_file_is_version_0_as_in_v1(workspace):
    write("m.txt", "loose")
    write("score.py", READS_MODEL)
    service = deploy(workspace, models=["m.txt"], script="score.py")
    assert service.run("") == "loose"
    assert service.record.spec.models[0].id == "m.txt:0"
    assert workspace.list_models() == []


LOADS = """\
from mlmagic.scoring import load_model

def init():
    global model
    model = load_model({name!r})

def run(raw_data):
    return model["a"]
"""


def test_an_unregistered_pickle_is_loaded_where_it_is_safe(workspace):
    name = "a-name-of-more-than-thirty-characters.pkl"
    Path(name).write_bytes(pickle.dumps({"a": 1}))
    write("score.py", LOADS.format(name=name[:30]))
    assert deploy(workspace, models=[name], script="score.py").run("") == 1
    Path("bad.pkl").write_bytes(b"cos\nsystem\n(S'touch loaded'\ntR.")
    write("score.py", LOADS.format(name="bad.pkl"))
    with pytest.raises(UnsafeModelError, match=r"'os.system' .*byte 0.*allow-list.*--trust"):
        deploy(workspace, models=["bad.pkl"], script="score.py")
    assert not [*workspace.state_directory.rglob("loaded")]
    workspace.register_model("bad.pkl", name="bad", trust=True)
    workspace.deploy("svc", models=["bad.pkl"], script="score.py", wait=False)
    assert workspace.show_service("svc").record.spec.models[0].loader == "pickle"


def test_what_an_unregistered_model_needs_is_in_the_environment(workspace):
    from sklearn.dummy import DummyRegressor

    Path("m.pkl").write_bytes(pickle.dumps(DummyRegressor(strategy="mean").fit([[0]], [1])))
    write("score.py", LOADS.format(name="m.pkl"))
    workspace.deploy("svc", models=["m.pkl"], script="score.py", wait=False)
    assert "scikit-learn" in workspace.show_service("svc").record.spec.lock.packages


def test_update_changes_the_named_parts_and_keeps_the_rest(workspace):
    write("score.py", ANSWER.format(word="a"))
    deploy(workspace, script="score.py", variables={"GREETING": "hi"}, tags={"team": "x"})
    uri = workspace.show_service("svc").scoring_uri
    write("other.py", ANSWER.format(word="b"))
    service = workspace.update_service("svc", script="other.py", wait=True)
    assert service.run("") == ["b", "azureml-models", "hi"]
    assert service.scoring_uri == uri
    assert service.record.spec.tags == {"team": "x"}
    plan = workspace.update_service("svc", workers=2, plan=True)
    assert "workers" in str(plan)
    assert service.record.spec.config.workers == 1


def test_reload_takes_the_script_as_it_lies_now(workspace):
    file = write("score.py", ANSWER.format(word="a"))
    service = deploy(workspace, script="score.py")
    file.write_text(ANSWER.format(word="b"))
    workspace.reload_service("svc").wait_for_deployment(timeout_sec=120)
    assert service.run("")[0] == "b"
    workspace.rollback_service("svc").wait_for_deployment(timeout_sec=120)
    assert service.run("")[0] == "a"


def test_what_models_need_stays_when_the_script_alone_changes(workspace):
    from sklearn.dummy import DummyRegressor

    model = DummyRegressor(strategy="mean").fit([[0]], [1])
    workspace.register_model(model, name="m")
    source = LOADS.format(name="m")

    def packages():
        return workspace.show_service("svc").record.spec.lock.packages

    workspace.capture_script(source, models=["m"], trial=False)
    workspace.deploy("svc", script="score.py", wait=False)
    captured = packages()
    workspace.reload_service("svc")
    assert packages() == captured
    workspace.capture_script(f"import six\n{source}", models=["m"], trial=False)
    workspace.reload_service("svc")
    assert {*packages()} == {*captured, "six"}
    write("other.py", f"{source}# another\n")
    workspace.update_service("svc", script="other.py")
    assert packages() == captured


def test_the_line_wins_over_the_files(workspace):
    write("src/lib.py", "WORD = 'from lib'\n")
    write("src/score.py", "import lib\n" + ANSWER.format(word="x").replace("'x'", "lib.WORD"))
    write("ic.json", json.dumps({"entryScript": "score.py", "sourceDirectory": "src"}))
    workspace.keep_configuration("deployment", "dc", "computeType: local\nauthEnabled: false\n")
    service = deploy(workspace, inference_config="ic.json", deployment_config="dc")
    assert service.run("")[0] == "from lib"
    assert service.record.spec.config.auth == "none"
    guarded = deploy(workspace, inference_config="ic.json", deployment_config="dc", auth="key")
    assert guarded.record.spec.config.auth == "key"
    assert guarded.outcome == "updated"


def test_what_the_target_has_no_option_for_is_told_in_v1s_word_too(workspace):
    write("score.py", ANSWER.format(word="x"))
    with pytest.raises(
        ConfigurationError, match=r"'local' has no option 'gpus' \(v1's 'gpuCores'\)"
    ):
        workspace.deploy("svc", script="score.py", gpus="1", wait=False)


def test_a_new_service_of_v1s_local_file_has_no_keys(workspace):
    write("score.py", ANSWER.format(word="x"))
    workspace.keep_configuration("deployment", "dc", "computeType: LOCAL\n")
    workspace.keep_configuration("deployment", "open", "computeType: local\naddress: 0.0.0.0\n")
    workspace.keep_configuration("deployment", "own", "target: local\n")

    def auth(name, **given):
        service = workspace.deploy(name, script="score.py", wait=False, **given)
        return service.record.spec.config.auth

    assert auth("svc", deployment_config="dc") == "none"
    assert auth("with-keys", deployment_config="dc", primary_key="primary" * 5) == "key"
    assert auth("on-the-line", deployment_config="dc", auth="key") == "key"
    assert auth("reachable", deployment_config="open") == "key"
    assert auth("ours", deployment_config="own") == "key"
    updated = workspace.update_service("ours", deployment_config="dc", wait=False)
    assert updated.record.spec.config.auth == "key"
    told = []
    opened = workspace.update_service("svc", address="0.0.0.0", wait=False, on_event=told.append)
    assert opened.record.spec.config.auth == "key"
    assert any(isinstance(line, Remark) and "it has keys now" in line for line in told)


def test_the_environment_of_the_source_directory_is_found(workspace):
    write("src/requirements.txt", "six==1.17.0\n")
    write(
        "src/score.py",
        "import six\ndef init(): pass\ndef run(raw_data): return six.__version__\n",
    )
    service = workspace.deploy("svc", script="score.py", source_directory="src", wait=True)
    assert service.run("") == "1.17.0"


def test_a_captured_script_is_deployed_with_its_lock_and_models(workspace):
    write("m.txt", "text")
    workspace.register_model("m.txt", name="m")
    report = workspace.capture_script(
        READS_MODEL,
        file="score.py",
        models=["m"],
        environment="minimal",
        cell=CellOrigin(execution_count=7),
    )
    assert report.trial is not None
    assert report.trial.ok
    service = workspace.deploy("svc", script="score.py", wait=True)
    assert service.record.spec.lock == report.lock
    assert service.run("") == "text"


def test_a_script_that_would_not_work_elsewhere_is_not_written(workspace):
    source = "def init(): pass\ndef run(raw_data):\n    return notebook_only + 1\n"
    with pytest.raises(ScriptContractError, match=r"In \[3\], line 4: .*notebook_only"):
        workspace.capture_script(
            source, cell=CellOrigin(execution_count=3), namespace=["notebook_only"]
        )
    assert not Path("score.py").exists()


def test_a_failing_trial_shows_the_lines_of_the_cell(workspace):
    source = "def init():\n    raise ValueError('no')\n\ndef run(raw_data):\n    return 1\n"
    with pytest.raises(ScriptTrialError) as caught:
        workspace.capture_script(source, environment="minimal", cell=CellOrigin(execution_count=3))
    assert "In [3], line 3, in init()" in str(caught.value)
    assert "ValueError: no" in str(caught.value)
    assert "mlmagic/scoring" not in str(caught.value)


def test_a_service_that_fails_shows_the_lines_of_the_cell(workspace):
    source = (
        "import os\ndef init():\n    if os.environ.get('BREAK'):\n        raise ValueError('no')\n"
        "def run(raw_data):\n    return 1\n"
    )
    workspace.capture_script(source, environment="minimal", cell=CellOrigin(execution_count=9))
    with pytest.raises(DeploymentFailedError, match=r"In \[9\], line 5, in init\(\)"):
        workspace.deploy("svc", script="score.py", variables={"BREAK": "1"}, wait=True)


def test_the_setting_ends_an_endless_init(workspace):
    write("score.py", "def init():\n    while True: pass\n\ndef run(raw_data):\n    return 1\n")
    impatient = Workspace(workspace.root, settings={"start_timeout_seconds": 1})
    with pytest.raises(DeploymentFailedError, match="InitTimeout"):
        deploy(impatient, script="score.py")


def test_a_service_with_a_damaged_record_hinders_nobody_and_can_be_deleted(workspace):
    write("score.py", ANSWER.format(word="a"))
    deploy(workspace, script="score.py")
    write(".mlmagic/services/svc/record.json", "{")
    assert workspace.list_environments()
    assert workspace.verify_models(repair=True).ok
    with pytest.raises(ConfigurationError, match="%ml service delete svc"):
        workspace.prune_environments()
    assert workspace.delete_service("svc") == "svc"
    assert workspace.list_services() == []


def test_verify_checks_what_services_use_and_leaves_it(workspace):
    write("score.py", ANSWER.format(word="a"))
    record = deploy(workspace, script="score.py").record
    stored = workspace.content.path(record.spec.source.files[0].sha256)
    report = workspace.verify_models(repair=True)
    assert (report.ok, report.orphans) == (True, ())
    stored.unlink()
    assert workspace.verify_models().missing == {"service 'svc'": ("score.py",)}


def test_a_secret_reaches_the_script_and_nothing_else(workspace, tmp_path):
    write("token.txt", "s3cret-value")
    write(
        "score.py",
        "from mlmagic.scoring import read_secret\ndef init(): pass\n"
        "def run(raw_data): return read_secret('token')\n",
    )
    service = deploy(workspace, script="score.py", secrets={"token": "token.txt"})
    assert service.run("") == "s3cret-value"
    assert deploy(workspace, script="score.py", secrets={"token": "token.txt"}).outcome == (
        "unchanged"
    )
    holders = [
        path
        for path in (tmp_path / ".mlmagic").rglob("*")
        if path.is_file() and b"s3cret-value" in path.read_bytes()
    ]
    assert [path.stat().st_mode & 0o777 for path in holders] == [0o600]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, ConfigurationError, "has no entry script"),
        ({"script": "none.py"}, ConfigurationError, "'none.py' does not exist"),
        ({"script": "1-score.py"}, ScriptContractError, "'1-score.py' cannot be imported"),
        ({"script": "score.txt"}, ScriptContractError, "'score.txt' is not a '.py' file"),
        ({"script": "score.py", "models": ["nothing"]}, ModelNotFoundError, "'nothing'"),
        ({"script": "score.py", "models": ["a/m.txt"]}, ModelNotFoundError, "no file 'a/m.txt'"),
        ({"script": "score.py", "target": "locla"}, TargetNotFoundError, "mean 'local'"),
        ({"script": "score.py", "prot": 1}, ConfigurationError, "no option 'prot'.*'port'"),
        ({"script": "score.py", "port": 70000}, ConfigurationError, "port '70000'"),
        ({"script": "score.py", "memory": "1g"}, ConfigurationError, "did you mean '1G' or '1Gi'"),
        ({"script": "score.py", "workers": 0}, ConfigurationError, "'workers' is '0'"),
        ({"script": "score.py", "source_directory": "x"}, ConfigurationError, "'x' does not exist"),
        ({"script": "score.py", "secrets": {"a": "no"}}, ConfigurationError, "secret 'a'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_done(workspace, options, error, words):
    for name in ("score.py", "1-score.py", "score.txt"):
        write(name, ANSWER.format(word="a"))
    with pytest.raises(error, match=words):
        deploy(workspace, **options)
    assert workspace.list_services() == []


def test_a_service_name_is_checked_before_an_environment_is_locked(workspace):
    write("score.py", ANSWER.format(word="a"))
    events: list[str] = []
    with pytest.raises(ConfigurationError, match="service name 'No' is not allowed"):
        workspace.deploy("No", script="score.py", on_event=events.append)
    assert events == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def init(): pass\n\ndef run(data)\n    return 1\n", "score.py:3: This is not Python"),
        ("def init(): pass\n", "no function 'run'"),
        ("def init(a): pass\ndef run(data): return 1\n", "score.py:1: init.* needs 'a'"),
        ("def init(): pass\ndef run(): return 1\n", "score.py:2: run.* has no argument"),
        ("%matplotlib inline\ndef init(): pass\ndef run(data): return 1\n", "score.py:1: Only IP"),
    ],
)
def test_a_script_that_no_service_can_run_is_refused_at_once(workspace, source, words):
    write("score.py", source)
    events: list[str] = []
    with pytest.raises(ScriptContractError, match=words):
        workspace.deploy("svc", script="score.py", on_event=events.append)
    assert (events, workspace.list_services()) == ([], [])


def test_a_script_that_is_not_utf_8_is_refused_and_one_with_a_byte_order_mark_is_not(workspace):
    source = ANSWER.format(word="a")
    Path("score.py").write_bytes(source.replace("'a'", "'ä'").encode("latin-1"))
    with pytest.raises(ScriptContractError, match="not UTF-8"):
        deploy(workspace, script="score.py")
    Path("score.py").write_bytes(source.encode("utf-8-sig"))
    assert deploy(workspace, script="score.py").run("")[0] == "a"


def test_variables_and_secrets_of_a_configuration_reach_the_service(workspace):
    write("token.txt", "t")
    write(
        "score.py",
        "import os\nfrom mlmagic.scoring import read_secret\ndef init(): pass\n"
        "def run(raw_data): return [os.environ['GREETING'], read_secret('token')]\n",
    )
    write("dc.yml", "target: local\nvariables:\n  GREETING: hi\nsecrets:\n  token: token.txt\n")
    service = deploy(workspace, script="score.py", deployment_config="dc.yml")
    assert service.run("") == ["hi", "t"]


def test_the_environment_that_a_v1_configuration_holds_is_kept_and_used(workspace):
    write("score.py", "import six\ndef init(): pass\ndef run(raw_data): return six.__version__\n")
    conda = {"dependencies": ["pip", {"pip": ["azureml-defaults", "six==1.17.0"]}]}
    environment = {"name": "mine", "python": {"condaDependencies": conda}}
    write("ic.json", json.dumps({"entryScript": "score.py", "environment": environment}))
    service = workspace.deploy("svc", inference_config="ic.json", wait=True)
    assert service.run("") == "1.17.0"
    assert "six==1.17.0" in workspace.show_environment("mine").environment.requirements
    assert workspace.environment_document("mine")["version"] == "1"  # as v1 registered it


def test_a_script_captured_with_a_source_directory_travels_with_it(workspace):
    write("src/words.txt", "from a file")
    source = (
        "import os\ndef init(): pass\ndef run(raw_data):\n"
        "    folder = os.path.dirname(os.path.abspath(__file__))\n"
        "    with open(os.path.join(folder, 'words.txt')) as stream:\n"
        "        return stream.read()\n"
    )
    workspace.capture_script(source, environment="minimal", source_directory="src")
    service = workspace.deploy("svc", script="src/score.py", wait=True)
    assert service.run("") == "from a file"


def test_the_setting_target_sends_every_deployment_there(workspace, monkeypatch):
    """Whatever the line names; what the other target does not know is left out and told."""
    write("score.py", ANSWER.format(word="a"))
    told = []
    asked = {"script": "score.py", "environment": "minimal", "target": "kubernetes"}
    monkeypatch.setenv("MLMAGIC_TARGET", "local")
    service = workspace.deploy("svc", **asked, cpu_limit="1", wait=True, on_event=told.append)
    assert service.target == "local"
    assert "%deploy svc: 'cpu_limit' is not used by target 'local'." in told
    monkeypatch.setenv("MLMAGIC_TARGET", "nowhere")
    with pytest.raises(TargetNotFoundError, match="nowhere"):
        workspace.deploy("svc", **asked)
    monkeypatch.delenv("MLMAGIC_TARGET")
    with pytest.raises(ConfigurationError, match="target 'aksendpoint' of Azure ML v1 is not here"):
        workspace.deploy("svc", **{**asked, "target": "aksendpoint"})


def test_the_environment_of_a_run_configuration_serves(workspace, tmp_path):
    write("score.py", ANSWER.format(word="a"))
    write("conda.yml", "dependencies:\n- python=3.8\n- pip\n")
    write(
        "train.runconfig",
        "environment:\n  python:\n    condaDependenciesFile: conda.yml\n"
        "  environmentVariables: {GREETING: hello}\n",
    )
    service = workspace.deploy("svc", script="score.py", environment="train.runconfig", wait=True)
    assert service.run("")[2] == "hello"
