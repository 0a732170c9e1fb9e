"""Objects of real libraries: registered, placed and loaded as a service does."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
import textwrap

import joblib
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from mlmagic.errors import RegistryError, UnsafeModelError
from mlmagic.registry import (
    ContentStore,
    Registry,
    framework_of,
    placed_model,
    write_loader_record,
)
from mlmagic.scoring.models import ModelLoadError, get_model_path, load_model

X, Y = load_iris(return_X_y=True, as_frame=True)

MODELS = {
    "pipeline": lambda: make_pipeline(StandardScaler(), SelectKBest(f_classif, k=2), SVC()),
    "columns": lambda: make_pipeline(
        ColumnTransformer(
            [("scale", StandardScaler(), list(X)[:2]), ("hot", OneHotEncoder(), list(X)[2:])]
        ),
        LogisticRegression(max_iter=1000),
    ),
    "forest": lambda: RandomForestClassifier(5, random_state=0),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=3, random_state=0),
    "histogram": lambda: HistGradientBoostingClassifier(max_iter=3, random_state=0),
    "grid": lambda: GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=2),
    "scored": lambda: GridSearchCV(Ridge(), {"alpha": [1, 3]}, cv=2, scoring="r2"),
    "network": lambda: MLPClassifier((4,), tol=10.0, random_state=0),
    "function": lambda: make_pipeline(FunctionTransformer(np.log1p), GaussianNB()),
    "vote": lambda: VotingClassifier([("a", GaussianNB()), ("b", SGDClassifier(random_state=0))]),
    "stack": lambda: StackingClassifier([("a", GaussianNB())], LogisticRegression(), cv=2),
    "calibrated": lambda: CalibratedClassifierCV(GaussianNB(), cv=2),
    "xgboost": lambda: xgboost.XGBClassifier(n_estimators=2, random_state=0),
    "lightgbm": lambda: lightgbm.LGBMClassifier(n_estimators=2, verbose=-1, random_state=0),
    "mixed": lambda: make_pipeline(
        StandardScaler().set_output(transform="pandas"), xgboost.XGBClassifier(n_estimators=2)
    ),
}


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path / ".mlmagic", ContentStore(tmp_path / ".mlmagic" / "content"))
    yield registry
    registry.close()


@pytest.fixture
def service(registry, tmp_path, monkeypatch):
    """Places models as a target does."""

    def place(*references):
        root = tmp_path / "app" / "azureml-models"
        for reference in references:
            model = registry.get(reference)
            registry.place(model, root / model.name / str(model.version))
            write_loader_record(root, placed_model(model))
        one = f"/{model.name}/{model.version}" if len(references) == 1 else ""
        monkeypatch.setenv("AML_APP_ROOT", str(tmp_path / "app"))
        monkeypatch.setenv("AZUREML_MODEL_DIR", f"azureml-models{one}")
        return root

    return place


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_live_objects_travel_as_skops(registry, service, make):
    fitted = make().fit(X, Y)
    made = registry.register(fitted, name="net", sample=X.head(2))
    assert (made.outcome, made.model.loader) == ("registered", "skops")
    # A search keeps how long each fit took, so only the same one is equal.
    again = fitted if isinstance(fitted, GridSearchCV) else make().fit(X, Y)
    assert registry.register(again, name="net").outcome == "unchanged"
    assert any(line.startswith("scikit-learn==") for line in made.model.requirements)
    service("net")
    np.testing.assert_array_equal(load_model("net").predict(X), fitted.predict(X))


def test_another_fit_is_another_version(registry):
    registry.register(Ridge(alpha=0.5).fit(X, Y), name="net")
    made = registry.register(Ridge(alpha=0.6).fit(X, Y), name="net")
    assert (made.outcome, made.model.version) == ("registered", 2)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("write", [pickle.dump, joblib.dump], ids=["pickle", "joblib"])
def test_what_libraries_pickle_passes(registry, service, tmp_path, make, write):
    fitted = make().fit(X, Y)
    with (tmp_path / "model.pkl").open("wb") as stream:
        write(fitted, stream)
    model = registry.register(tmp_path / "model.pkl", name="net").model
    assert model.framework in ("scikit-learn", "xgboost", "lightgbm")
    assert model.loader in ("pickle", "joblib")
    service("net")
    np.testing.assert_array_equal(load_model("net").predict(X), fitted.predict(X))


def test_boosters_travel_in_their_own_formats(registry, service):
    boosted = xgboost.train({"seed": 1}, xgboost.DMatrix(X, Y), 2)
    light = lightgbm.train({"verbose": -1, "seed": 1}, lightgbm.Dataset(X, Y), 2)
    first = registry.register(boosted, name="boosted").model
    second = registry.register(light, name="light").model
    assert (first.framework, first.loader) == ("xgboost", "xgboost")
    assert (second.framework, second.loader) == ("lightgbm", "lightgbm")
    assert registry.register(light, name="light").outcome == "unchanged"
    service("boosted", "light")
    expected = boosted.predict(xgboost.DMatrix(X))
    np.testing.assert_array_equal(load_model("boosted").predict(xgboost.DMatrix(X)), expected)
    np.testing.assert_allclose(load_model("light").predict(X), light.predict(X))


def mlflow_model(flavour, fitted, folder, **options):
    """Save as MLflow does; it finds out requirements in another process, unless they are given."""
    options.setdefault("pip_requirements", [flavour])
    importlib.import_module(f"mlflow.{flavour}").save_model(fitted, folder, **options)
    return folder


FLAVOURS = {
    "skops": ("sklearn", lambda: make_pipeline(StandardScaler(), SVC()), {}, "skops@model.skops"),
    "pickle": ("sklearn", MODELS["forest"], {"serialization_format": "pickle"}, "pickle@model.pkl"),
    "xgboost": ("xgboost", lambda: xgboost.XGBClassifier(n_estimators=2), {"model_format": "json"},
                "xgboost-estimator@model.json"),
    "xgboost regressor": ("xgboost", lambda: xgboost.XGBRegressor(n_estimators=2), {},
                          "xgboost-estimator@model.ubj"),
    "lightgbm": ("lightgbm", MODELS["lightgbm"], {}, "skops@model.skops"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of MLflow, which saves in here
@pytest.mark.parametrize(("flavour", "make", "options", "loader"), FLAVOURS.values(), ids=FLAVOURS)
def test_models_of_mlflow_are_opened_without_it(
    registry, service, tmp_path, flavour, make, options, loader
):
    fitted = make().fit(X, Y)
    folder = mlflow_model(flavour, fitted, tmp_path / "saved", input_example=X.head(2), **options)
    made = registry.register(folder, name="net").model
    assert (made.loader, made.sample.kind) == (loader, "json")
    service("net")
    loaded = load_model("net")
    assert type(loaded) is type(fitted)
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


@pytest.mark.filterwarnings("ignore")
def test_boosters_of_mlflow_are_opened_without_it(registry, service, tmp_path):
    boosted = xgboost.train({"seed": 1}, xgboost.DMatrix(X, Y), 2)
    light = lightgbm.train({"verbose": -1, "seed": 1}, lightgbm.Dataset(X, Y), 2)
    registry.register(mlflow_model("xgboost", boosted, tmp_path / "a"), name="boosted")
    registry.register(mlflow_model("lightgbm", light, tmp_path / "b"), name="light")
    service("boosted", "light")
    expected = boosted.predict(xgboost.DMatrix(X))
    np.testing.assert_array_equal(load_model("boosted").predict(xgboost.DMatrix(X)), expected)
    np.testing.assert_allclose(load_model("light").predict(X), light.predict(X))


@pytest.mark.filterwarnings("ignore")
def test_what_mlflow_would_import_is_not(registry, service, tmp_path):
    (tmp_path / "mine.py").write_text("raise SystemExit('imported')")
    folder = mlflow_model(
        "sklearn", Ridge().fit(X, Y), tmp_path / "saved", code_paths=[str(tmp_path / "mine.py")]
    )
    assert (folder / "code" / "mine.py").exists()
    registry.register(folder, name="net")
    service("net")
    np.testing.assert_array_equal(load_model("net").coef_, Ridge().fit(X, Y).coef_)
    # What holds the model is told by the file, not by what is said of it.
    told = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(told.replace("pickled_model: model.skops", "pickled_model: x"))
    assert registry.register(folder, name="net").model.loader is None
    (folder / "model.skops").write_bytes(b"cos\nsystem\n.")
    (folder / "MLmodel").write_text(told.replace("sklearn:", "xgboost:"))
    with pytest.raises(RegistryError, match="not a readable skops archive"):
        registry.register(folder, name="net")
    (folder / "model.skops").rename(folder / "model.ubj")
    (folder / "MLmodel").write_text("flavors: {xgboost: {data: model.ubj}}")
    with pytest.raises(UnsafeModelError, match=r"'os.system' in the file 'saved/model.ubj'"):
        registry.register(folder, name="net")
    assert registry.register(folder, name="net", trust="tried").model.loader == "pickle@model.ubj"


def test_several_models_are_one(registry, service):
    ridge = Ridge().fit(X, Y)
    boosted = xgboost.train({"seed": 1}, xgboost.DMatrix(X, Y), 2)
    made = registry.register({"ridge": ridge, "boosted": boosted}, name="both")
    assert (made.model.framework, made.model.loader) == ("multi", "multi")
    assert [file.path for file in made.model.files] == [
        "models/boosted/model.ubj",
        "models/parts.json",
        "models/ridge/model.skops",
    ]
    pins = {line.partition("==")[0] for line in made.model.requirements}
    assert {"scikit-learn", "skops", "xgboost"} <= pins
    again = registry.register({"boosted": boosted, "ridge": ridge}, name="both")
    assert again.outcome == "unchanged"
    service("both")
    loaded = load_model("both")
    np.testing.assert_array_equal(loaded["ridge"].predict(X), ridge.predict(X))
    np.testing.assert_array_equal(
        loaded["boosted"].predict(xgboost.DMatrix(X)), boosted.predict(xgboost.DMatrix(X))
    )


def test_a_part_that_may_not_be_loaded_is_refused(registry):
    parts = {"good": Ridge(), "bad": FunctionTransformer(joblib.load)}
    with pytest.raises(UnsafeModelError, match=r"'models/bad/model.skops'"):
        registry.register(parts, name="both")
    registry.register(parts, name="both", trust="a test")


ACME = """
    import json
    from mlmagic.registry.frameworks import Framework, Saved

    class Net:
        def __init__(self, weight):
            self.weight = weight

    def save(model, folder):
        (folder / "net.acme").write_text(json.dumps(model.weight))
        return Saved(name="net.acme", loader="acme_ml:load")

    def load(path):
        return Net(json.loads(path.read_text()))

    FRAMEWORK = Framework(
        name="acme", module="acme_ml", distribution="acme-ml", save=save,
        suffixes={".acme": "acme_ml:load"},
    )
"""


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A package that brings a framework, as installed."""
    from mlmagic.registry.frameworks import known

    site = tmp_path / "site"
    facts = site / "acme_ml-1.5.dist-info"
    facts.mkdir(parents=True)
    (site / "acme_ml.py").write_text(textwrap.dedent(ACME))
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-ml\nVersion: 1.5\n")
    (facts / "entry_points.txt").write_text("[mlmagic.frameworks]\nacme = acme_ml:FRAMEWORK\n")
    monkeypatch.syspath_prepend(site)
    known.cache_clear()
    import acme_ml

    yield acme_ml, site
    known.cache_clear()
    del sys.modules["acme_ml"]


def test_a_package_brings_its_framework(acme, registry, service, tmp_path):
    module, _ = acme
    model = registry.register(module.Net([1, 2]), name="net").model
    assert (model.framework, model.framework_version) == ("acme", "1.5")
    assert model.requirements == ("acme-ml==1.5",)
    service("net")
    assert load_model("net").weight == [1, 2]
    (tmp_path / "other.acme").write_text("[3]")
    assert registry.register(tmp_path / "other.acme", name="file").model.framework == "acme"


def test_a_model_whose_package_is_missing_says_which(acme, registry, service):
    module, site = acme
    registry.register(module.Net([1, 2]), name="net")
    service("net")
    (site / "acme_ml.py").write_text("import acme_core_that_is_missing")
    del sys.modules["acme_ml"]
    importlib.invalidate_caches()
    with pytest.raises(ModelLoadError, match=r"'net:1' needs a package .*acme_core_that_is_miss"):
        load_model("net")
    sys.modules["acme_ml"] = module


def test_a_package_that_brings_no_framework_is_named(acme, registry):
    from mlmagic.errors import ConfigurationError
    from mlmagic.registry.frameworks import known

    module, site = acme
    module.FRAMEWORK = 7
    known.cache_clear()
    with pytest.raises(ConfigurationError, match="'acme_ml:FRAMEWORK' offers no new framework"):
        registry.register(Ridge(), name="net")
    (site / "acme_ml-1.5.dist-info" / "entry_points.txt").write_text(
        "[mlmagic.frameworks]\nacme = acme_ml.gone:IT\n"
    )
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        registry.register(Ridge(), name="net")


def test_files_are_not_converted(registry, tmp_path):
    from mlmagic.errors import UsageError

    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(UsageError, match="Files are not converted to 'onnx'"):
        registry.register(tmp_path / "a.json", name="net", convert="onnx")
    with pytest.raises(UsageError, match="needs a sample input"):
        registry.register(Ridge(), name="net", convert="onnx")
    with pytest.raises(UsageError, match="'scikit-learn', 'catboost', 'pytorch'"):
        registry.register([1], name="net", convert="onnx")


def test_native_files_are_recognised(registry, tmp_path):
    boosted = xgboost.train({}, xgboost.DMatrix(X, Y), 1)
    light = lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), 1)
    boosted.save_model(tmp_path / "a.json")
    boosted.save_model(tmp_path / "b.ubj")
    light.save_model(tmp_path / "c.txt")
    loaders = [
        registry.register(tmp_path / name, name="net").model.loader
        for name in ("a.json", "b.ubj", "c.txt")
    ]
    assert loaders == ["xgboost", "xgboost", "lightgbm"]


NOT_LOADED = """
import sys
from pathlib import Path
from mlmagic.errors import UnsafeModelError
from mlmagic.registry import ContentStore, Registry
registry = Registry(Path("one"), ContentStore(Path("one/content")))
for path in map(Path, sys.argv[1:]):
    try:
        registry.register(path, name="net")
    except UnsafeModelError as error:
        print(error)
print(*{"xgboost", "lightgbm", "catboost"} & sys.modules.keys())
"""


def test_native_files_that_were_cut_off_are_refused_and_none_is_loaded(tmp_path):
    """A reader in C++ would end the process that registers."""
    xgboost.train({}, xgboost.DMatrix(X, Y), 1).save_model(tmp_path / "a.json")
    xgboost.train({}, xgboost.DMatrix(X, Y), 1).save_model(tmp_path / "b.ubj")
    lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), 1).save_model(tmp_path / "c.txt")
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    whole["d.cbm"] = b"CBM1" + (90).to_bytes(4, "little") + bytes(100)
    broken = []
    for name, data in whole.items():
        (tmp_path / name).write_bytes(data)
        for part in (0.1, 0.5, 0.9):
            broken.append(f"{part}-{name}")
            (tmp_path / broken[-1]).write_bytes(data[: int(len(data) * part)])
    (tmp_path / "random.ubj").write_bytes(bytes(range(256)))
    broken.append("random.ubj")
    done = subprocess.run(
        [sys.executable, "-c", NOT_LOADED, *broken, *whole],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    *told, loaded = done.stdout.splitlines()
    assert [line.split("'")[3] for line in told] == broken
    assert loaded == ""


def test_two_processes_write_one_digest(tmp_path):
    script = """
        import sys
        from sklearn.feature_extraction.text import TfidfVectorizer
        from mlmagic.registry.archives import canonical
        from skops import io
        model = TfidfVectorizer(stop_words=["the", "of", "a"]).fit(["the end of a story", "a b c"])
        model.extra = {"some", "words", "in", "a", "set"}
        import hashlib
        print(hashlib.sha256(canonical(io.dumps(model))[0]).hexdigest())
    """
    runs = [
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_text_models(registry, service):
    fitted = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["a b", "c dd ee"], [0, 1])
    registry.register(fitted, name="net")
    service("net")
    assert load_model("net").predict(["dd"]).tolist() == [1]


def test_an_archive_is_not_loaded_with_its_own_word(registry, service, tmp_path, monkeypatch):
    from skops import io as skops_io
    from skops.io.exceptions import UntrustedTypesFoundException

    path = tmp_path / "model.skops"
    skops_io.dump(make_pipeline(FunctionTransformer(joblib.load)), path)
    with pytest.raises(UnsafeModelError, match=r"'joblib.numpy_pickle.load' in the file"):
        registry.register(path, name="net")
    with pytest.raises(UnsafeModelError):
        registry.register(make_pipeline(FunctionTransformer(joblib.load)), name="net")
    registry.register(path, name="net", trust="a test")
    root = service("net")
    assert load_model("net") is not None
    record = root / ".mlmagic" / "net" / "1.json"
    record.write_text(record.read_text().replace("joblib.numpy_pickle.load", "other"))
    with pytest.raises(UntrustedTypesFoundException):
        load_model("net")


def test_finding_models(registry, service, tmp_path, monkeypatch):
    registry.register({"a": 1}, name="one")
    registry.register({"a": 2}, name="one")
    registry.register(
        tmp_path / "two.bin" if (tmp_path / "two.bin").write_bytes(b"x") else "", name="two"
    )
    monkeypatch.delenv("AZUREML_MODEL_DIR", raising=False)
    with pytest.raises(ModelLoadError, match="AZUREML_MODEL_DIR is not set"):
        load_model("one")
    root = service("one:1", "one:2", "two")
    assert load_model("one") == {"a": 2}
    assert load_model("one", 1) == {"a": 1}
    with pytest.raises(
        ModelLoadError, match=r"no model 'one:3'. There is 'one:1', 'one:2', 'two:1'"
    ):
        load_model("one", 3)
    with pytest.raises(ModelLoadError, match="has no known loader"):
        load_model("two")
    assert get_model_path("two") == str(root / "two" / "1" / "two.bin")
    assert get_model_path("one", 1) == str(root / "one" / "1" / "model.pkl")
    with pytest.raises(ModelLoadError, match="was found neither in"):
        get_model_path("three")
    monkeypatch.chdir(tmp_path)
    assert get_model_path("two.bin") == "two.bin"
    (root / "two" / "1" / "more").touch()
    with pytest.raises(ModelLoadError, match="only one file or folder"):
        get_model_path("two")
    with pytest.raises(TypeError):
        get_model_path("two", "1")


def test_frameworks_are_told_apart():
    assert framework_of(Ridge()) == "scikit-learn"
    assert framework_of(xgboost.XGBClassifier()) == "xgboost"
    assert framework_of(lightgbm.LGBMClassifier()) == "lightgbm"
    assert framework_of([1]) == "custom"
