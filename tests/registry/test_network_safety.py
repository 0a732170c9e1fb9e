"""Published ways to run code, or to read files, by a model of Keras, torch or ONNX.

Written by the real libraries, or by hand where they refuse to; skipped where they are missing, see
``test_network_libraries``.
"""

from __future__ import annotations

import json
import zipfile

import pytest

from mlmagic.errors import RegistryError, UnsafeModelError
from mlmagic.registry import ContentStore, Registry
from tests.registry.networks import library

# Keras' own.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path / ".mlmagic", ContentStore(tmp_path / ".mlmagic" / "content"))
    yield registry
    registry.close()


@pytest.fixture
def keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    library("torch")
    return library("keras")


def refuse(registry, source, message):
    with pytest.raises(UnsafeModelError, match=message) as caught:
        registry.register(source, name="net")
    assert "--trust" in caught.value.hint
    assert registry.names() == []


def network(keras, *layers):
    return keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(1)])


def test_a_layer_of_code_is_refused_alive_and_as_a_file(keras, registry, tmp_path):
    made = network(keras, keras.layers.Lambda(lambda x: x + 1))
    refuse(registry, made, r"'keras\.layers\.Lambda' in the file 'model\.keras/config\.json'")
    for name in ("net.keras", "net.h5"):
        made.save(tmp_path / name)
        refuse(registry, tmp_path / name, r"Lambda' in the file 'net\.\w+/\w+.*: it holds code")


def test_layers_of_keras_pass_in_both_formats(keras, registry, tmp_path):
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")(inputs)
    x = layers.BatchNormalization()(x) * 2.0
    x = layers.Concatenate()([layers.Flatten()(x), keras.ops.reshape(x, (-1, 144))])
    made = keras.Model(inputs, layers.Dense(1, activation=keras.activations.gelu)(x))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    made.compile(
        keras.optimizers.AdamW(schedule), "mse", metrics=[keras.metrics.MeanSquaredError()]
    )
    for name in ("net.keras", "net.h5"):
        made.save(tmp_path / name)
        assert registry.register(tmp_path / name, name="net").model.loader == "keras"


# A configuration, and what is said of it. The first is CVE-2025-1550, the last CVE-2025-12058.
CONFIGURATIONS = {
    "a function of a module": (
        {"module": "os", "class_name": "function", "config": "system"},
        r"'os\.system'.* no function of Keras",
    ),
    "a function that downloads": (
        {"module": "keras.utils", "class_name": "function", "config": "get_file"},
        r"'keras\.utils\.get_file'",
    ),
    "a class of a module": (
        {"module": "subprocess", "class_name": "Popen", "config": {"args": "true"}},
        r"'subprocess\.Popen'.* no class of Keras",
    ),
    "a lambda": ({"class_name": "__lambda__", "config": {"value": "4wEA"}}, "__lambda__"),
    "a pickle of torch": (
        {
            "module": "keras.layers",
            "class_name": "TorchModuleWrapper",
            "config": {"module": "gAI="},
        },
        "TorchModuleWrapper.* it holds code",
    ),
    "another name": (
        {"module": "keras.layers", "class_name": "Dense", "registered_name": "x>Lambda"},
        r"'keras\.layers\.Dense'",
    ),
    "a saved model": (
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/x"}},
        "TFSMLayer",
    ),
    "a file of words": (
        {
            "module": "keras.layers",
            "class_name": "StringLookup",
            "config": {"vocabulary": "/etc/passwd"},
        },
        r"it reads its vocabulary from the file '/etc/passwd'",
    ),
}


@pytest.fixture
def saved(keras, tmp_path):
    path = tmp_path / "sound.keras"
    network(keras).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(("inner", "message"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_configurations_that_name_code_are_refused(saved, registry, tmp_path, inner, message):
    told = json.loads(saved["config.json"])
    told["config"]["layers"].insert(1, {"registered_name": None, **inner})
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**saved, "config.json": json.dumps(told).encode()}.items():
            archive.writestr(name, data)
    refuse(registry, path, message)


def test_weights_that_lie_elsewhere_are_refused(keras, saved, registry, tmp_path):
    h5py = library("h5py")
    path = tmp_path / "net.h5"
    network(keras).save(path)
    sound = path.read_bytes()
    with h5py.File(path, "a") as file:
        file["model_weights/other"] = h5py.ExternalLink("/etc/other.h5", "/x")
    refuse(registry, path, r"'/model_weights/other' .* leads to another file, '/etc/other\.h5'")
    path.write_bytes(sound)
    with h5py.File(path, "a") as file:
        external = [("/etc/passwd", 0, 80)]
        file.create_dataset("model_weights/other", (10,), "f8", external=external)
    refuse(registry, path, r"numbers lie in another file, '/etc/passwd'")
    path.write_bytes(sound)
    with h5py.File(path, "a") as file:
        file.create_dataset("model_weights/other", (1 << 40,), "f8", chunks=(1024,))
    refuse(registry, path, r"claims 8796093022208 bytes of numbers in a file of")
    inner = tmp_path / "net.keras"
    with zipfile.ZipFile(inner, "w") as archive:
        for name, data in {**saved, "model.weights.h5": path.read_bytes()}.items():
            archive.writestr(name, data)
    refuse(registry, inner, r"in the file 'net\.keras/model\.weights\.h5' .* claims 8796093022208")


def test_programs_of_torch_need_trust(registry, tmp_path):
    torch = library("torch")
    program = torch.export.export(torch.nn.Linear(2, 1), (torch.ones(1, 2),))
    path = tmp_path / "net.pt2"
    torch.export.save(program, path)
    refuse(registry, path, r"'torch\.export' in the file 'net\.pt2' may not be loaded")
    # What was registered alive is known to be what torch wrote here.
    assert registry.register(program, name="live").model.loader == "torch-export"
    trusted = registry.register(path, name="net", trust="our own").model
    assert (trusted.framework, trusted.loader) == ("pytorch", "torch-export")


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_script_of_torch_needs_trust_under_any_name(registry, tmp_path):
    torch = library("torch")
    path = tmp_path / "weights.bin"
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 1), torch.ones(1, 2)), path)
    refuse(registry, path, r"'TorchScript' in the file 'weights\.bin' .* read and write files")


def test_states_of_torch_pass_under_any_name(registry, tmp_path):
    torch = library("torch")
    state = torch.nn.LSTM(2, 3).state_dict()
    for name in ("net.pt", "pytorch_model.bin"):
        torch.save(state, tmp_path / name)
        assert registry.register(tmp_path / name, name="net").model.loader == "torch-state"


def test_external_data_of_onnx_stays_in_the_folder(registry, tmp_path):
    onnx = library("onnx")
    numbers = onnx.numpy_helper.from_array(library("numpy").ones(300, dtype="float32"), "w")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "w"], ["y"])],
        "sum",
        [onnx.helper.make_tensor_value_info("x", 1, [300])],
        [onnx.helper.make_tensor_value_info("y", 1, [300])],
        [numbers],
    )
    path = tmp_path / "net" / "net.onnx"
    path.parent.mkdir()
    onnx.save(
        onnx.helper.make_model(graph),
        path,
        save_as_external_data=True,
        location="w.data",
        size_threshold=0,
    )
    with pytest.raises(RegistryError, match=r"lie in the file 'w\.data', which is not given"):
        registry.register(path, name="net")
    assert len(registry.register(path.parent, name="inside").model.files) == 2
    made = onnx.load(path, load_external_data=False)
    made.graph.initializer[0].external_data[0].value = "../secret"
    path.write_bytes(made.SerializeToString())
    refuse_names = registry.names()
    with pytest.raises(UnsafeModelError, match=r"'\.\./secret' in the file 'net/net\.onnx'"):
        registry.register(path.parent, name="net")
    assert registry.names() == refuse_names
