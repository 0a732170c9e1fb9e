"""PyTorch, Keras and ONNX: registered, placed and loaded as a service does.

The libraries are gigabytes, so they have a locked environment of their own
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

ROWS = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path / ".mlmagic", ContentStore(tmp_path / ".mlmagic" / "content"))
    yield registry
    registry.close()


@pytest.fixture
def served(registry, tmp_path, monkeypatch):
    """Register something and load it as an entry script would."""

    def serve(source):
        model = registry.register(source, name="net").model
        root = tmp_path / "app" / "azureml-models"
        registry.place(model, root / "net" / str(model.version))
        write_loader_record(root, placed_model(model))
        monkeypatch.chdir(tmp_path / "app")
        monkeypatch.setenv("AZUREML_MODEL_DIR", f"azureml-models/net/{model.version}")
        return model, load_model("net")

    return serve


def library(name):
    """Import a library, or skip; fail where it is required."""
    if "networks" in os.environ.get("MLMAGIC_REQUIRE", "").split(","):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed")


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
