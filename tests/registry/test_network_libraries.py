"""Libraries of networks and others that are large: registered, placed and loaded as a service does.

They are gigabytes together, so they have a locked environment of their own
(``requirements-networks.txt``), in which CI runs this file; elsewhere it is skipped.
"""

from __future__ import annotations

import importlib
import io
import os

import numpy as np
import pytest

from mlmagic.errors import UnsafeModelError
from mlmagic.registry import ContentStore, Registry, framework_of, placed_model, write_loader_record
from mlmagic.scoring.models import load_model
from tests.registry.networks import library

ROWS = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path / ".mlmagic", ContentStore(tmp_path / ".mlmagic" / "content"))
    yield registry
    registry.close()


@pytest.fixture
def served(registry, tmp_path, monkeypatch):
    """Register something and load it as an entry script would."""

    def serve(source, **details):
        model = registry.register(source, name="net", **details).model
        root = tmp_path / "app" / "azureml-models"
        registry.place(model, root / "net" / str(model.version))
        write_loader_record(root, placed_model(model))
        monkeypatch.chdir(tmp_path / "app")
        monkeypatch.setenv("AZUREML_MODEL_DIR", f"azureml-models/net/{model.version}")
        return model, load_model("net")

    return serve


@pytest.fixture
def torch():
    return library("torch")


@pytest.fixture
def keras(torch, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    return library("keras")


@pytest.fixture
def onnx():
    library("onnxruntime")
    return library("onnx")


def linear(torch):
    torch.manual_seed(0)
    return torch.nn.Linear(2, 1)


def test_a_module_comes_back_as_its_state(torch, served):
    module = linear(torch)
    assert framework_of(module) == "pytorch"
    model, state = served(module)
    assert (model.framework, model.loader) == ("pytorch", "torch-state")
    assert any(line.startswith("torch==") for line in model.requirements)
    again = torch.nn.Linear(2, 1)
    again.load_state_dict(state)
    rows = torch.from_numpy(ROWS)
    assert torch.equal(again(rows), module(rows))


# TorchScript is on its way out, but thousands of models are stored in it.
@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_scripted_module_comes_back_whole(torch, served):
    module = linear(torch)
    scripted = torch.jit.trace(module, torch.from_numpy(ROWS))
    model, loaded = served(scripted)
    assert model.loader == "torchscript"
    rows = torch.from_numpy(ROWS)
    assert torch.equal(loaded(rows), module(rows))


def test_equal_modules_are_one_version(torch, registry):
    module = linear(torch)
    registry.register(module, name="net")
    again = torch.nn.Linear(2, 1)
    again.load_state_dict(module.state_dict())
    assert registry.register(again, name="net").outcome == "unchanged"


def test_a_checkpoint_that_calls_something_is_refused(torch, registry, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, ("true",)

    path = tmp_path / "evil.pt"
    torch.save({"weights": Evil()}, path)
    with pytest.raises(UnsafeModelError, match=r"(posix|os)\.system"):
        registry.register(path, name="net")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own
def test_a_keras_model_comes_back(keras, served):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert framework_of(network) == "keras"
    model, loaded = served(network)
    assert (model.framework, model.loader) == ("keras", "keras")
    np.testing.assert_allclose(
        loaded.predict(ROWS, verbose=0), network.predict(ROWS, verbose=0), rtol=1e-6
    )


def test_an_onnx_model_comes_back_as_a_session(onnx, served, tmp_path):
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model, session = served(made)
    assert (model.framework, model.loader) == ("onnx", "onnx")
    assert any(line.startswith("onnxruntime==") for line in model.requirements)
    np.testing.assert_array_equal(session.run(None, {"x": ROWS})[0], ROWS * 2)
    file = tmp_path / "double.onnx"
    buffer = io.BytesIO()
    onnx.save(made, buffer)
    file.write_bytes(buffer.getvalue())
    assert served(file)[0].framework == "onnx"


def exported(torch):
    return torch.export.export(linear(torch), (torch.from_numpy(ROWS),))


def test_an_exported_program_comes_back_whole(torch, served):
    program = exported(torch)
    model, loaded = served(program)
    assert (model.framework, model.loader) == ("pytorch", "torch-export")
    rows = torch.from_numpy(ROWS)
    assert torch.equal(loaded.module()(rows), program.module()(rows))


@pytest.mark.parametrize("kind", ["CatBoostClassifier", "CatBoostRegressor"])
def test_catboost_comes_back_as_its_class(served, registry, kind):
    catboost = library("catboost")
    fitted = getattr(catboost, kind)(iterations=2, verbose=0, allow_writing_files=False)
    fitted.fit(ROWS, [0, 1])
    model, loaded = served(fitted)
    assert (model.framework, model.loader) == ("catboost", "catboost")
    assert any(line.startswith("catboost==") for line in model.requirements)
    assert type(loaded).__name__ == kind
    np.testing.assert_array_equal(loaded.predict(ROWS), fitted.predict(ROWS))
    assert registry.register(fitted, name="net").outcome == "unchanged"


def test_results_of_statsmodels_need_trust(served, registry):
    library("statsmodels")
    from statsmodels.api import OLS

    rows = np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 5.0]])
    fitted = OLS(np.array([1.0, 2.0, 3.0]), rows).fit()
    with pytest.raises(UnsafeModelError, match=r"'statsmodels\.[a-z_.]+\.\w+'"):
        registry.register(fitted, name="net")
    registry.register(fitted, name="net", trust="our own")
    model, loaded = served(fitted)
    assert (model.framework, model.loader) == ("statsmodels", "pickle")
    np.testing.assert_allclose(loaded.predict(rows), fitted.predict(rows))


def test_a_pipeline_of_spacy_comes_back(served):
    spacy = library("spacy")
    language = spacy.blank("en")
    language.add_pipe("sentencizer")
    model, loaded = served(language)
    assert (model.framework, model.loader) == ("spacy", "spacy")
    assert [len(sentence) for sentence in loaded("One. And two.").sents] == [2, 3]


@pytest.fixture
def transformers(torch, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return library("transformers")


@pytest.fixture
def bert(transformers):
    config = transformers.BertConfig(
        vocab_size=8,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
    )
    return transformers.BertForSequenceClassification(config).eval()


@pytest.fixture
def words(transformers):
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "tea"]
    return transformers.BertTokenizer(vocab={name: at for at, name in enumerate(names)})


def test_a_transformer_comes_back_as_its_class(torch, bert, served, registry):
    model, loaded = served(bert)
    assert (model.framework, model.loader) == ("transformers", "transformers")
    assert {file.path.rpartition(".")[2] for file in model.files} == {"json", "safetensors"}
    assert type(loaded) is type(bert)
    ids = torch.tensor([[2, 5, 7, 3]])
    with torch.no_grad():
        assert torch.equal(loaded(ids).logits, bert(ids).logits)
    assert registry.register(bert, name="net").outcome == "unchanged"


def test_a_pipeline_of_transformers_comes_back(transformers, bert, words, served):
    pipeline = transformers.pipeline("text-classification", model=bert, tokenizer=words)
    model, loaded = served(pipeline)
    assert model.loader == "transformers"
    assert loaded("good tea") == pipeline("good tea")
    _, tokenizer = served(words)
    assert tokenizer("good tea")["input_ids"] == words("good tea")["input_ids"]


def test_a_folder_of_hugging_face_is_recognised(bert, words, served, tmp_path):
    bert.save_pretrained(tmp_path / "hub")
    words.save_pretrained(tmp_path / "hub")
    model, loaded = served(tmp_path / "hub")
    assert (model.framework, model.loader) == ("transformers", "transformers")
    assert type(loaded) is type(bert)


def test_estimators_become_onnx_on_request(onnx, registry, tmp_path):
    library("skl2onnx")
    import onnxruntime
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression().fit(ROWS, [1.0, 2.0])
    model = registry.register(fitted, name="net", convert="onnx", sample=ROWS).model
    assert (model.framework, model.loader) == ("onnx", "onnx")
    path = registry.download("net", tmp_path / "out")
    session = onnxruntime.InferenceSession(path)
    answer = session.run(None, {session.get_inputs()[0].name: ROWS})[0]
    np.testing.assert_allclose(answer.ravel(), fitted.predict(ROWS), rtol=1e-5)


def test_a_module_becomes_onnx_on_request(torch, onnx, registry, tmp_path):
    import onnxruntime

    module = linear(torch)
    model = registry.register(module, name="net", convert="onnx", sample=ROWS).model
    assert (model.framework, model.loader) == ("onnx", "onnx")
    session = onnxruntime.InferenceSession(registry.download("net", tmp_path / "out"))
    three = np.concatenate([ROWS, ROWS[:1]])
    answer = session.run(None, {session.get_inputs()[0].name: three})[0]
    expected = module(torch.from_numpy(three)).detach().numpy()
    np.testing.assert_allclose(answer, expected, rtol=1e-5)


def test_several_models_in_one(torch, onnx, served):
    from sklearn.linear_model import LinearRegression

    estimator = LinearRegression().fit(ROWS, [1.0, 2.0])
    module = linear(torch)
    model, loaded = served({"first": estimator, "second": module})
    assert (model.framework, model.loader) == ("multi", "multi")
    pins = {line.partition("==")[0] for line in model.requirements}
    assert {"scikit-learn", "skops", "torch"} <= pins
    np.testing.assert_array_equal(loaded["first"].predict(ROWS), estimator.predict(ROWS))
    assert torch.equal(loaded["second"]["weight"], module.weight)


@pytest.fixture
def mlflow_model(tmp_path, monkeypatch):
    """Saves as MLflow does; it finds out requirements in another process, unless they are given."""
    library("mlflow")
    monkeypatch.chdir(tmp_path)

    def save(flavour, model, **options):
        options.setdefault("pip_requirements", [flavour])
        folder = tmp_path / f"{flavour}-model"
        importlib.import_module(f"mlflow.{flavour}").save_model(model, str(folder), **options)
        return folder

    return save


@pytest.mark.filterwarnings("ignore")  # of MLflow, which saves in here
def test_catboost_and_onnx_of_mlflow_are_opened_without_it(served, mlflow_model, onnx):
    catboost = library("catboost")
    fitted = catboost.CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False)
    fitted.fit(ROWS, [0, 1])
    model, loaded = served(mlflow_model("catboost", fitted))
    assert (model.framework, model.loader) == ("catboost", "catboost@model.cb")
    assert type(loaded) is catboost.CatBoostClassifier
    np.testing.assert_array_equal(loaded.predict(ROWS), fitted.predict(ROWS))
    one = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Neg", ["x"], ["y"])], "g",
        [one("x", 1, [None, 2])], [one("y", 1, [None, 2])],
    )  # fmt: skip
    negation = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8
    )
    model, loaded = served(mlflow_model("onnx", negation))
    assert (model.framework, model.loader) == ("onnx", "onnx@model.onnx")
    np.testing.assert_array_equal(loaded.run(None, {"x": ROWS})[0], -ROWS)


@pytest.mark.filterwarnings("ignore")
def test_statsmodels_of_mlflow_needs_trust(served, mlflow_model):
    statistics = library("statsmodels.api")
    fitted = statistics.OLS([1.0, 2.0, 3.5], [[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]).fit()
    folder = mlflow_model("statsmodels", fitted)
    with pytest.raises(UnsafeModelError):
        served(folder)
    model, loaded = served(folder, trust="our own")
    assert (model.framework, model.loader) == ("statsmodels", "pickle@model.statsmodels")
    np.testing.assert_array_equal(loaded.params, fitted.params)


@pytest.mark.filterwarnings("ignore")
def test_networks_of_mlflow_are_opened_without_it(torch, keras, served, mlflow_model):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model, loaded = served(mlflow_model("keras", network))
    assert (model.framework, model.loader) == ("keras", "keras@data/model.keras")
    np.testing.assert_allclose(
        loaded.predict(ROWS, verbose=0), network.predict(ROWS, verbose=0), rtol=1e-6
    )
    module = linear(torch)
    folder = mlflow_model("pytorch", module, serialization_format="pickle")
    with pytest.raises(UnsafeModelError):
        served(folder)
    spacy = library("spacy")
    model, loaded = served(mlflow_model("spacy", spacy.blank("en")))
    assert (model.framework, model.loader) == ("spacy", "spacy@model.spacy")
    assert [word.text for word in loaded("Two words")] == ["Two", "words"]
