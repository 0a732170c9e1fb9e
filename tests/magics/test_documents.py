"""The blocks of code in the README and ``docs/``, in their order: a folder for each document."""

from __future__ import annotations

import json
import pickle
import shlex
import socket
import subprocess
from typing import TYPE_CHECKING

import nbformat
import pytest

from mlmagic import Workspace
from tests.magics.documents import DOCUMENTS, blocks, ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.magics.conftest import TestingShell

# What is not run here, by its first words: where it is, or why it cannot be.
ELSEWHERE = {
    "README.md": {
        "python3 -m venv .venv &&": ".ci/run, which runs the notebook with it",
        "python3 -m venv .venv-dev &&": ".ci/run, which runs these tests with it",
        "pip install '.[lab,examples]'": ".ci/run, as a part of the README's first command",
    },
    "docs/azureml.md": {
        'eval "$(mlmagic completion bash)"': "lines for two shells: tests/e2e/test_completion.py",
        "from azureml.core.compute import AksCompute": "tests/azureml/test_on_a_cluster.py",
        "az ml computetarget attach aks": "tests/azureml/test_on_a_cluster.py",
    },
    "docs/images.md": {
        "mlmagic model package --model diabetes:1 --script score.py --push": "a made-up digest: "
        "tests/images/test_standalone_python.py",
    },
    "docs/kubernetes.md": {
        "%ml computetarget attach": "tests/kubernetes/test_documents.py",
        "mlmagic computetarget check prod --rbac": "tests/kubernetes/test_documents.py",
        "apiVersion: networking.k8s.io/v1": "tests/kubernetes/test_documents.py",
    },
    "docs/unattended.md": {
        "run = BashOperator(": "needs Airflow; the line is that of the other blocks",
    },
}
# What stands on this machine for what a document names.
CHANGES = {
    "docs/models.md": {
        "postgresql://ml@db/models --store s3://models/ml": "sqlite:///team.db --store file://$PWD/store",
    },
    "docs/unattended.md": {
        "15 2 * * *  cd ~/project && ": "", ".venv/bin/": "",
    },
}  # fmt: skip
DOCKER = ("docs/containers.md", "docs/images.md")
SCRIPT = """\
from pathlib import Path

from mlmagic.scoring import get_model_path


def init():
    global text
    text = Path(get_model_path(%r)).name


def run(raw_data):
    return text
"""


@pytest.fixture
def folder(shell: object, tmp_path: Path) -> Iterator[Path]:
    """The shell's folder; its services are deleted at the end, and v1's names unknown again."""
    yield tmp_path
    shell.run_line_magic("unload_ext", "mlmagic.azureml")
    for service in Workspace(tmp_path).list_services():
        service.delete()


def test_what_is_run_elsewhere_is_there() -> None:
    for document, starts in ELSEWHERE.items():
        texts = [each.text for each in blocks(document)]
        for start in starts:
            assert any(text.startswith(start) for text in texts), f"{document} has no {start!r}"
    assert {*ELSEWHERE, *CHANGES, *DOCKER, *SETTINGS_UP} <= {*DOCUMENTS}


def readme(folder: Path, _shell: object) -> None:
    (folder / "sample.json").write_text(json.dumps({"data": [dict.fromkeys(COLUMNS, 0.0)]}))
    notebook(folder / "notebook.ipynb", "alpha = 1", "alpha")


def azureml(folder: Path, _shell: object) -> None:
    (folder / "old-project").mkdir()
    (folder / "old-project" / "train.py").write_text("from azureml.core import Dataset\n")
    (folder / "deploy.py").write_text(
        "import sys\nfrom azureml.core import Workspace\nprint(Workspace, sys.argv[1:])\n"
    )
    (folder / "model.pkl").write_bytes(pickle.dumps([1]))
    (folder / "score.py").write_text(SCRIPT % "hello")
    inference = '{"entryScript": "score.py", "environment": "minimal"}'
    (folder / "inferenceconfig.json").write_text(inference)
    (folder / "deploymentconfig.json").write_text('{"computeType": "local"}')


def entry_scripts(folder: Path, _shell: object) -> None:
    (folder / "score.py").write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    (folder / "request.json").write_text('{"data": [1]}')


def models(folder: Path, _shell: object) -> None:
    workspace = Workspace.create(folder)
    for number in (1, 2):
        (folder / "model.txt").write_text(f"number {number}")
        workspace.register_model(folder / "model.txt", name="churn", tags={"area": "health"})
    (folder / "model.pkl").write_bytes(pickle.dumps(shlex.shlex))  # may be loaded by trust alone
    workspace.register_model(
        folder / "model.pkl", name="churn", tags={"area": "health"}, trust="our own"
    )
    (folder / "keys").mkdir()
    for words in (
        "ecparam -name prime256v1 -genkey -noout -out signing.key",
        "ec -in signing.key -pubout -out keys/signing.pub",
    ):
        subprocess.run(
            ["openssl", *shlex.split(words)], cwd=folder, check=True, capture_output=True
        )


def panels(folder: Path, shell: object) -> None:
    workspace = Workspace.create(folder)
    (folder / "model.txt").write_text("a model")
    workspace.register_model(folder / "model.txt", name="iris")
    (folder / "score.py").write_text(SCRIPT % "iris")
    service = workspace.deploy(
        "iris-svc", models=["iris:1"], script="score.py", environment="minimal"
    )
    service.wait_for_deployment()
    shell.user_ns.update(workspace=workspace, service=service)


def unattended(folder: Path, _shell: object) -> None:
    notebook(folder / "train.ipynb", "rows = 1", "rows")


SETTINGS_UP: dict[str, Callable[[Path, object], None]] = {
    "README.md": readme,
    "docs/azureml.md": azureml,
    "docs/entry-scripts.md": entry_scripts,
    "docs/models.md": models,
    "docs/panels.md": panels,
    "docs/unattended.md": unattended,
}
COLUMNS = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
# What they print, so that "it ran" is not all that is known.
TOLD = {
    "mlmagic import azureml old-project": "Read the data with pandas or fsspec.",
    "mlmagic quickstart demo": "diabetes-svc",
    "python -m mlmagic.azureml deploy.py": "Workspace'> ['--its', '--own', 'arguments']",
    'eval "$(mlmagic alias az)"': "model.pkl",
    "python -m mlmagic.scoring --check": "would serve",
    "mlmagic model list --tag area=health": "churn:3",
    "mlmagic model trust": "our own",
    "mlmagic run train.ipynb -p rows 500": "train.executed.ipynb",
}


def notebook(path: Path, parameters: str, name: str) -> None:
    cells = [
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(f"print({name})"),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each not in DOCKER])
def test_the_blocks_run(document, shell, folder, capsys):
    run(document, shell, folder, capsys, CHANGES.get(document, {}))


@pytest.mark.docker
@pytest.mark.parametrize("document", DOCKER)
def test_the_blocks_run_on_an_engine(
    document, shell, folder, capsys, docker_engine, image_registry, unique, monkeypatch
):
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", docker_engine.base)
    (folder / "model.txt").write_text("a model")
    Workspace.create(folder).register_model(folder / "model.txt", name="diabetes")
    (folder / "score.py").write_text(SCRIPT % "diabetes")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    changes = {
        "registry.example.com/ml": f"{image_registry.address}/{unique}",
        "8080": port,
        "diabetes-svc": f"svc-{unique}",
    }
    run(document, shell, folder, capsys, changes)


def run(
    document: str,
    shell: TestingShell,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
) -> None:
    if document in SETTINGS_UP:
        SETTINGS_UP[document](folder, shell)
    for block in blocks(document):
        if any(block.text.startswith(start) for start in ELSEWHERE.get(document, ())):
            continue
        if block.language == "toml":
            (folder / "mlmagic.toml").write_text(block.text)
            assert "s3://models/ml" in ours("mlmagic config", capsys)
            (folder / "mlmagic.toml").unlink()
            continue
        out = block.run(shell, capsys, changes)
        for start, told in TOLD.items():
            if block.text.startswith(start):
                assert told in out, f"{block.text}\n{out}"
