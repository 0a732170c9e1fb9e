"""Models of runs: MLflow by folder, database and server; searches and studies; v1's rules."""

from __future__ import annotations

import os
import subprocess
import sys

import mlflow
import numpy as np
import optuna
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV

from mlmagic.errors import MissingDependencyError, ModelNotFoundError, RegistryError, UsageError

X, Y = load_iris(return_X_y=True, as_frame=True)


@pytest.fixture
def search():
    return GridSearchCV(
        LogisticRegression(max_iter=500),
        {"C": [0.001, 1.0, 0.1]},
        cv=3,
        scoring={"accuracy": "accuracy", "neg_log_loss": "neg_log_loss"},
        refit="accuracy",
    ).fit(X, Y)


def test_the_best_of_a_search_by_its_primary_metric(workspace, search):
    made = workspace.register_model(search, name="iris", sample=X.head(2)).model
    assert made.framework == "scikit-learn"
    assert made.lineage.run_source == "GridSearchCV"
    assert made.lineage.params == {"C": "1.0"}
    assert made.lineage.metrics["accuracy"] == pytest.approx(search.best_score_)
    # v1 makes up a name: the run, and how the trial was chosen.
    assert workspace.register_model(search).model.name == "GridSearchCVbest"
    assert workspace.list_models(run_id="GridSearchCV:1", latest=True)[-1].name == "iris"
    assert workspace.show_model("iris", run_id="GridSearchCV:1") == made
    with pytest.raises(ModelNotFoundError, match="was not registered from the run 'none'"):
        workspace.show_model("iris:1", run_id="none")


def test_another_trial_of_a_search_needs_a_function(workspace, search):
    with pytest.raises(RegistryError, match=r"kept no model of iteration '0'.*--build"):
        workspace.register_model(search, name="iris", iteration=0)
    build = lambda params: LogisticRegression(max_iter=500, **params).fit(X, Y)  # noqa: E731
    made = workspace.register_model(search, name="iris", iteration=0, build=build).model
    assert made.lineage.params == {"C": "0.001"}
    by_metric = workspace.register_model(search, name="iris", metric="neg_log_loss", build=build)
    best = int(np.argmax(search.cv_results_["mean_test_neg_log_loss"]))
    assert by_metric.model.lineage.run_id == f"GridSearchCV:{best}"


def test_wrong_choices_are_told(workspace, search):
    with pytest.raises(UsageError, match="Both the iteration '1' and the metric 'accuracy'"):
        workspace.register_model(search, name="iris", iteration=1, metric="accuracy")
    with pytest.raises(RegistryError, match=r"no finished iteration '9'\. There is 0, 1, 2"):
        workspace.register_model(search, name="iris", iteration=9)
    with pytest.raises(RegistryError, match=r"no metric 'acuracy'\. Did you mean 'accuracy'"):
        workspace.register_model(search, name="iris", metric="acuracy")
    with pytest.raises(UsageError, match="'metric' was given, but the source is neither"):
        workspace.register_model(Ridge(), name="iris", metric="accuracy")
    with pytest.raises(UsageError, match="SOURCE is missing"):
        workspace.register_model(name="iris")
    assert workspace.list_models() == []


@pytest.fixture
def study():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made = optuna.create_study(study_name="churn_study-2026", direction="minimize")

    def objective(trial):
        alpha = trial.suggest_float("alpha", 0.1, 10)
        trial.set_user_attr("f1", {0.5: 0.9, 2.0: 0.1, 5.0: 0.4}[alpha])
        if alpha == 5.0:
            raise optuna.TrialPruned
        return alpha

    for alpha in (2.0, 0.5, 5.0):
        made.enqueue_trial({"alpha": alpha})
    made.optimize(objective, n_trials=3)
    return made


def test_a_study_of_optuna(workspace, study):
    build = lambda trial: Ridge(alpha=trial.params["alpha"]).fit(X, Y)  # noqa: E731
    made = workspace.register_model(study, build=build).model
    assert made.name == "churnstudy2026best"
    assert made.lineage.params == {"alpha": "0.5"}
    assert made.lineage.metrics == {"value": 0.5, "f1": 0.9}
    by_f1 = workspace.register_model(study, build=build, metric="f1").model
    assert (by_f1.name, by_f1.lineage.params) == ("churnstudy2026f1", {"alpha": "0.5"})
    worst = workspace.register_model(
        study, name="n", build=build, metric="f1", direction="minimize"
    ).model
    assert worst.lineage.params == {"alpha": "2.0"}
    with pytest.raises(RegistryError, match=r"no finished iteration '2'\. There is 0, 1\."):
        workspace.register_model(study, build=build, iteration=2)  # it was pruned


def test_models_that_a_study_kept(workspace, tmp_path):
    (tmp_path / "kept.txt").write_text("weights")
    kept = optuna.create_study(study_name="kept")

    def objective(trial):
        trial.set_user_attr("model_path", str(tmp_path / "kept.txt"))
        return trial.suggest_float("x", 0, 1)

    kept.optimize(objective, n_trials=1)
    assert workspace.register_model(kept, name="n").model.files[0].path == "kept.txt"


def log_run(uri, tmp_path):
    """Train and log as a user would, in a process of its own."""
    script = """
import sys, mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
uri, file = sys.argv[1:]
mlflow.set_tracking_uri(uri)
mlflow.set_experiment("flowers")
X, y = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run(run_name="first") as run:
    mlflow.log_params({"C": 0.5})
    mlflow.log_metric("f1", 0.5, step=0)
    mlflow.log_metric("f1", 0.75, step=1)
    mlflow.log_artifact(file, "outputs")
    mlflow.log_artifact(file, "outputs/deep")
    mlflow.sklearn.log_model(
        LogisticRegression(C=0.5, max_iter=500).fit(X, y), name="model",
        input_example=X.head(2), serialization_format="skops",
        pip_requirements=["scikit-learn==1.0"],
    )
print(run.info.run_id)
"""
    file = tmp_path / "weights.txt"
    file.write_text("1 2 3")
    environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, uri, str(file)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module", params=["file", "sqlite"])
def logged_once(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    uri = (folder / "mlruns").as_uri() if request.param == "file" else f"sqlite:///{folder}/m.db"
    return uri, log_run(uri, folder)


@pytest.fixture
def logged(logged_once, monkeypatch):
    """A run, with MLflow set to where it is."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "1")
    mlflow.set_tracking_uri(logged_once[0])
    yield logged_once[1]
    mlflow.set_tracking_uri(None)


@pytest.mark.filterwarnings("ignore")
def test_a_logged_model_of_a_run(workspace, logged):
    made = workspace.register_model(run_id=logged, asset_path="model", name="iris").model
    assert made.framework == "scikit-learn"
    assert "model/MLmodel" in [file.path for file in made.files]
    lineage = made.lineage
    assert (lineage.run_id, lineage.run_source, lineage.run_name) == (logged, "mlflow", "first")
    assert (lineage.experiment, lineage.metrics, lineage.params) == (
        "flowers",
        {"f1": 0.75},
        {"C": "0.5"},
    )
    assert made.schema["inputs"][0]["name"] == "sepal length (cm)"
    assert made.sample is not None
    assert "scikit-learn==1.0" in made.requirements
    assert workspace.list_models(run_id=logged) == [made]


@pytest.mark.filterwarnings("ignore")
def test_files_of_a_run(workspace, logged):
    one = workspace.register_model(run_id=logged, asset_path="outputs/weights.txt", name="w").model
    assert [file.path for file in one.files] == ["weights.txt"]
    folder = workspace.register_model(run_id=logged, name="outputs").model
    assert [file.path for file in folder.files] == [
        "outputs/deep/weights.txt",
        "outputs/weights.txt",
    ]
    with pytest.raises(
        RegistryError, match=r"'outputs/none' is not among .*outputs/weights\.txt.*model"
    ):
        workspace.register_model(run_id=logged, asset_path="outputs/none", name="w")
    with pytest.raises(UsageError, match="belongs to the experiment 'flowers', not to 'birds'"):
        workspace.register_model(run_id=logged, name="outputs", experiment_name="birds")
    with pytest.raises(RegistryError, match="The run 'none' cannot be read"):
        workspace.register_model(run_id="none", name="w")
    with pytest.raises(UsageError, match="Both a source and a run"):
        workspace.register_model("x", run_id=logged, name="w")
    run = mlflow.MlflowClient().get_run(logged) if mlflow.get_tracking_uri()[:4] != "file" else None
    assert run is None or workspace.register_model(run, name="outputs").outcome == "unchanged"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        ("http://ann:s3cret@127.0.0.1:9/x", RegistryError, "files of the run .* cannot be fetched"),
        ("s3://nowhere/x", MissingDependencyError, "not installed can read: No module .*boto3"),
    ],
)
def test_places_of_files_that_cannot_be_read_are_told(
    workspace, tmp_path, monkeypatch, place, error, words
):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    uri = (tmp_path / "mlruns").as_uri()
    client = mlflow.MlflowClient(uri)
    run = client.create_run(client.create_experiment("far", artifact_location=place))
    with pytest.raises(error, match=words) as caught:
        workspace.register_model(run_id=run.info.run_id, name="m", tracking_uri=uri)
    assert "s3cret" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", [None, "sqlite:///runs.db", "mlruns", "file:deep/mlruns"])
def test_nothing_is_left_where_there_are_no_runs(workspace, tmp_path, monkeypatch, place):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RegistryError, match=r"The run 'none' cannot be read .*: there is no '"):
        workspace.register_model(run_id="none", name="w", tracking_uri=place)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("run_id", ["", "..", "../exp", "one/two"])
def test_a_run_is_named_by_its_id_alone(workspace, run_id):
    folder = workspace.state_directory / "runs" / "exp" / "a"
    folder.mkdir(parents=True)
    (folder / "m").write_text("1 2 3")
    with pytest.raises(UsageError, match=f"'{run_id}' is not the id of a run"):
        workspace.register_model(run_id=run_id, name="a")
