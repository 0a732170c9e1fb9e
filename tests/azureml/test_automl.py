"""Runs of automated machine learning, over searches of this machine."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from mlmagic.azureml.core import Experiment, Run, Workspace
from mlmagic.azureml.exceptions import UserErrorException
from mlmagic.azureml.train.automl import AutoMLRun
from mlmagic.azureml.widgets import RunDetails

X, Y = load_iris(return_X_y=True, as_frame=True)
FINDER = "from mlmagic.azureml.finder import provide; provide()\n"


def fit(params):
    return LogisticRegression(max_iter=500, **params).fit(X, Y)


@pytest.fixture
def experiment(project):
    return Experiment(Workspace.from_config(), "automl-iris")


@pytest.fixture(scope="module")
def search():
    return GridSearchCV(
        LogisticRegression(max_iter=500), {"C": [0.001, 1.0, 0.1]}, cv=3,
        scoring=["accuracy", "neg_log_loss"], refit="accuracy",
    ).fit(X, Y)  # fmt: skip


def test_a_search_is_submitted_in_the_place_of_a_configuration(experiment, search):
    run = experiment.submit(search, tags={"area": "flowers"}, show_output=True)
    assert isinstance(run, AutoMLRun)
    assert (run.status, run.type, run.tags) == ("Completed", "automl", {"area": "flowers"})
    assert run.wait_for_completion(show_output=False)["runId"] == run.id
    best, fitted = run.get_output()
    assert fitted is search.best_estimator_
    assert best.id == f"{run.id}_1"
    assert best.parent.id == run.id
    assert best.get_metrics()["accuracy"] == pytest.approx(search.best_score_)
    assert run.get_metrics() == best.get_metrics()
    best.download_file("outputs/model.pkl", "copied.pkl")
    assert pickle.loads(Path("copied.pkl").read_bytes()).C == fitted.C
    assert "accuracy" in RunDetails(run).look().text


def test_children_are_told_as_v1s_notebooks_went_through_them(experiment, search):
    run = experiment.submit(search)
    told = {}
    for child in run.get_children():
        properties = child.get_properties()
        told[int(properties["iteration"])] = child.get_metrics()["accuracy"]
        assert properties["primary_metric"] == "accuracy"
        assert float(properties["score"]) == told[int(properties["iteration"])]
    assert told == dict(enumerate(search.cv_results_["mean_test_accuracy"]))
    assert [each.id for each in run.get_children(properties={"iteration": "2"})] == [f"{run.id}_2"]
    assert [each.id for each in experiment.get_runs()] == [run.id]
    assert len([*experiment.get_runs(include_children=True)]) == 4
    assert run.get_best_child().id == f"{run.id}_1"
    assert run.summary() == [["LogisticRegression", 3, max(told.values())]]


def test_models_are_registered_by_v1s_rules(experiment, search):
    run = experiment.submit(search, build=fit)
    made = run.register_model(model_name="iris", description="the best", tags={"area": "flowers"})
    assert (made.name, made.version, made.description) == ("iris", 1, "the best")
    assert (made.tags, run.model_id) == ({"area": "flowers"}, "iris")
    assert (made.run_id, made.run.id) == (f"{run.id}_1", f"{run.id}_1")
    assert (made.experiment_name, made.model_framework) == ("automl-iris", "ScikitLearn")
    short = run.id.replace("_", "").replace("-", "")[:15]
    for choice, name in (({}, "best"), ({"iteration": 2}, "2"), ({"metric": "accuracy"}, "accur")):
        made = run.register_model(**choice)
        assert made.name.startswith(f"{short}{name}")
        assert run.model_id == made.name
        assert len(made.name) <= 29
    assert run.register_model("iris", iteration=0).run_id == f"{run.id}_0"
    assert run.get_output(metric="neg_log_loss")[0].id == f"{run.id}_1"
    assert run.get_output(iteration=0)[1].C == 0.001


def test_of_a_study_a_metric_is_made_smaller_where_it_says_so(experiment):
    study = optuna.create_study(direction="minimize", study_name="iris")

    def objective(trial):
        trial.set_user_attr("model", fit({"C": trial.suggest_float("C", 0.1, 1.0)}))
        return trial.number * 1.0

    study.optimize(objective, n_trials=3)
    run = experiment.submit(study)
    best, fitted = run.get_output()
    assert (best.properties["iteration"], best.properties["score"]) == ("0", "0.0")
    assert study.trials[0].params["C"] == fitted.C


@pytest.mark.parametrize("verb", ["get_output", "register_model"])
def test_wrong_choices_are_told(experiment, search, verb):
    run = experiment.submit(search)
    call = getattr(run, verb)
    with pytest.raises(UserErrorException, match="Both the iteration '1' and the metric 'accu"):
        call(iteration=1, metric="accuracy")
    with pytest.raises(UserErrorException, match=r"no finished iteration '9'.*There is 0, 1, 2"):
        call(iteration=9)
    with pytest.raises(UserErrorException, match=r"no metric 'accuracies'.*'accuracy'"):
        call(metric="accuracies")
    with pytest.raises(UserErrorException, match=r"no model of iteration '0'.*submit\(.*, build="):
        call(iteration=0)
    assert experiment.workspace.models == {}


def test_a_run_found_again_has_its_metrics_and_says_where_models_are(experiment, search):
    run = experiment.submit(search)
    run.get_output()
    again = AutoMLRun(experiment=experiment, run_id=run.id)
    assert again.get_metrics() == run.get_metrics()
    assert again.get_best_child().get_file_names() == ["outputs/model.pkl"]
    assert again.get_best_child(metric="neg_log_loss").id == f"{run.id}_1"
    with pytest.raises(UserErrorException, match=r"'outputs/model\.pkl' of its child"):
        again.get_output()
    for found in (Run.get(experiment.workspace, run.id), next(experiment.get_runs())):
        assert isinstance(found, AutoMLRun)
    with pytest.raises(UserErrorException, match="not a run of automated machine learning"):
        AutoMLRun(experiment, f"{run.id}_0")


def test_what_is_no_search_is_told(experiment, search):
    with pytest.raises(UserErrorException, match=r"'LogisticRegression' cannot be submitted.*sear"):
        experiment.submit(LogisticRegression())
    with pytest.raises(NotImplementedError, match=r"return_onnx_model.*skl2onnx"):
        experiment.submit(search).get_output(return_onnx_model=True)


def test_v1s_names_lead_here_and_the_cloud_search_says_the_way():
    code = (
        "from azureml.train.automl import AutoMLConfig\n"
        "from azureml.train.automl.run import AutoMLRun\n"
        "import azureml.train.automl as automl\n"
        "assert automl.AutoMLConfig is AutoMLConfig and automl.AutoMLRun is AutoMLRun\n"
        "from azureml.train.automl.automlconfig import AutoMLConfig as same\n"
        "assert same is AutoMLConfig\n"
        "try:\n    AutoMLConfig(task='classification', primary_metric='AUC_weighted')\n"
        "except NotImplementedError as error:\n    print(error)\n"
        "from azureml.train.hyperdrive import HyperDriveConfig\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", FINDER + code], capture_output=True, text=True, check=False
    )
    assert "AutoMLConfig needs the cloud of Azure ML." in answer.stdout, answer.stderr
    assert "experiment.submit(search)" in answer.stdout
    assert "No module named 'azureml.train.hyperdrive' in mlmagic." in answer.stderr
