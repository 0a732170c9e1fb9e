import pytest

from mlmagic.azureml.core.container_registry import ContainerRegistry
from mlmagic.azureml.core.model import InferenceConfig
from mlmagic.configurations import Configurations, cpu_cores, memory_bytes, parse_quantity
from mlmagic.errors import ConfigurationError


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Configurations(tmp_path / "configs")


def test_names_are_kept(kept):
    text = "entryScript: score.py\nsourceDirectory: ./work\nenvironment: mine\n"
    kept.keep("inference", "ic", text)
    again = Configurations(kept.directory)
    assert again.get("ic").text == text
    assert [item.name for item in again.list()] == ["ic"]
    read = again.read_inference("ic")
    assert (read.entry_script, read.source_directory, read.environment) == (
        "score.py",
        "./work",
        "mine",
    )


def test_files_are_written_as_they_are(kept, tmp_path):
    kept.keep("deployment", "conf/dc.json", '{"port": 8890}')
    assert (tmp_path / "conf" / "dc.json").read_text() == '{"port": 8890}\n'
    assert kept.list() == []
    assert kept.read_deployment("conf/dc.json").values == {"port": 8890}


def test_nothing_wrong_is_kept(kept, tmp_path):
    with pytest.raises(ConfigurationError):
        kept.keep("deployment", "dc.yml", "prot: 1")
    assert list(tmp_path.iterdir()) == []


def test_v1s_environment_object_is_handed_back_as_data(kept):
    text = (
        '{"entryScript": "score.py", "environment": {"name": "e", "python": '
        '{"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["pandas"]}]}}}}'
    )
    kept.keep("inference", "ic", text)
    read = kept.read_inference("ic")
    assert read.environment is None
    assert read.document["python"]["condaDependencies"]["dependencies"][1] == {"pip": ["pandas"]}
    kept.keep("inference", "ic", '{"entryScript": "score.py", "environment": {"name": "e"}}')
    assert kept.read_inference("ic").environment == "e"
    kept.keep("inference", "ic", '{"entryScript": "score.py", "condaFile": "env.yml"}')
    assert kept.read_inference("ic").environment == "env.yml"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dd", "no configuration 'dd'. Did you mean 'dc'"),
        ("missing.json", "'missing.json' cannot be read: No such file"),
        ("../x", "cannot be read"),
        ("a b", "'a b' is no name"),
        ("ic", "of the kind 'inference'"),
        ("latin.yml", "not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told(kept, tmp_path, name, message):
    kept.keep("deployment", "dc", "port: 1")
    kept.keep("inference", "ic", "entryScript: score.py")
    (tmp_path / "latin.yml").write_bytes(b"target: \xe9\n")
    with pytest.raises(ConfigurationError, match=message):
        kept.read_deployment(name)


def test_a_name_has_one_kind(kept):
    kept.keep("deployment", "dc", "port: 1")
    kept.keep("deployment", "dc", "port: 2")
    with pytest.raises(ConfigurationError, match="taken"):
        kept.keep("inference", "dc", "entryScript: score.py")
    assert kept.read_deployment("dc").values == {"port": 2}


def test_quantities():
    assert cpu_cores("500m") == 0.5
    assert memory_bytes("512Mi") == 512 * 2**20
    assert memory_bytes("1G") == 10**9
    for text in ("1g", "0", "x", "100m"):
        with pytest.raises(ConfigurationError):
            memory_bytes(text)
    with pytest.raises(ConfigurationError, match="'1G' or '1Gi'"):
        parse_quantity("1g")


def test_paths_of_windows_are_taken_where_no_file_is_called_that(kept, tmp_path):
    keys = {"sourceDirectory": r".\work", "entryScript": r"src\score.py"}
    read = kept.read_inference({**keys, "condaFile": r"env\conda.yml"})
    assert (read.source_directory, read.entry_script) == ("./work", "src/score.py")
    assert read.environment == "env/conda.yml"
    section = {"condaDependenciesFile": r".azureml\conda.yml"}
    environment = {"python": section, "docker": {"baseDockerfile": r"docker\Dockerfile"}}
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text("FROM python:3.11\n")
    read = kept.read_inference({**keys, "environment": environment})
    assert read.environment == ".azureml/conda.yml"
    assert read.image == {"base_dockerfile": "docker/Dockerfile"}
    environment["docker"]["baseDockerfile"] = line = f"RUN apt-get install {'libgomp1 ' * 1000}"
    read = kept.read_inference({**keys, "environment": environment})
    assert read.image == {"base_dockerfile": line}
    (tmp_path / "work" / "src").mkdir(parents=True)
    (tmp_path / "work" / r"src\score.py").touch()
    assert kept.read_inference(keys).entry_script == r"src\score.py"


def test_files_may_begin_with_a_byte_order_mark(kept, tmp_path):
    (tmp_path / "ic.json").write_text('\ufeff{"entryScript": "score.py"}', encoding="utf-8")
    (tmp_path / "dc.yml").write_text("\ufeffcomputeType: aci\n", encoding="utf-8")
    assert kept.read_inference("ic.json").entry_script == "score.py"
    assert kept.read_deployment("dc.yml").compute_type == "aci"


def test_an_endpoint_of_several_versions_is_refused_with_the_way_out(kept):
    message = r"'computeType' \(line 1\): 'aksendpoint' .* a service of its own on 'aks'"
    with pytest.raises(ConfigurationError, match=message):
        kept.read_deployment({"computeType": "AksEndpoint"})


def test_the_registry_of_an_inference_configs_base_image_is_refused_as_in_a_file(kept, tmp_path):
    (tmp_path / "score.py").write_text("def init(): ...\ndef run(data): ...\n")
    registry = ContainerRegistry()
    config = InferenceConfig("score.py", base_image="mine", base_image_registry=registry)
    assert kept.read_inference(config.build_create_payload(None, "svc", [])).image == {
        "base_image": "mine"
    }
    registry.address, registry.password = "mine.example", "hidden"
    payload = config.build_create_payload(None, "svc", [])
    assert "hidden" not in f"{payload}"
    with pytest.raises(ConfigurationError, match=r"'baseImageRegistry' .* 'docker login'"):
        kept.read_inference(payload)
