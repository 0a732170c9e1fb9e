"""The examples of the help, run one after the other in one workspace."""

from __future__ import annotations

import json
import pickle
import shlex
import subprocess
import threading
from typing import TYPE_CHECKING

import nbformat
import pytest

from mlmagic import Workspace
from mlmagic.cli import main
from mlmagic.options import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = """\
from pathlib import Path

from mlmagic.scoring import get_model_path


def init():
    global text
    text = Path(get_model_path("diabetes")).name


def run(raw_data):
    return text
"""
# The bodies of cells, below their examples.
CELLS = {
    "score_script": SCRIPT,
    "environment": "requests\n",
    "inference_config": '{"entryScript": "score.py"}',
    "deployment_config": '{"computeType": "local", "authEnabled": true}',
}
# In an order in which each finds what it names.
STORY = """
workspace show
workspace list
config
doctor
model register -n onnx_mnist -p mnist/model.onnx
model register model.onnx --name onnx_mnist --tag area=mnist
model list --tag area=health -o json
model list --latest --order-by=-metrics.f1 --top 10
model show diabetes:1
model download diabetes:1 -t out
model update diabetes:1 --add-tag stage=production
model alias diabetes:1 --alias champion
model alias-history diabetes
model unalias diabetes@champion
model archive diabetes:1
model restore diabetes:1
model trust diabetes
model sign diabetes:1 --private-key signing.pem
model verify-signature diabetes:1 --public-key signing.pub
model card diabetes:1
model card diabetes:1 --from card.md
model export diabetes --all-versions --file diabetes.tar
model verify --repair
model gc --dry-run
environment list
environment show minimal
environment clone scikit-learn mine --add 'pandas>=2'
environment scaffold -n mine -d mine-env
environment register -d mine-env
environment download -n mine -d copy
environment prune --dry-run
%%score_script score.py --model diabetes
%%environment forest
%%inference_config ic
%%deployment_config dc
config list
config show ic
config convert --ic inferenceconfig.json --dc deploymentconfig.json
deploy diabetes-svc --model diabetes --script score.py
deploy diabetes-svc -m diabetes:1 --ic inferenceconfig.json --dc deploymentconfig.json
deploy diabetes-svc --model diabetes --script score.py --plan
service list -o json
service list --model-name diabetes --tag area=demo
service show diabetes-svc
service logs diabetes-svc --tail 20
service events diabetes-svc
service run diabetes-svc -d @sample.json
service run diabetes-svc -d '{"data": [[1, 2]]}'
service get-keys diabetes-svc
service regen-key diabetes-svc -k Primary
service update diabetes-svc --model diabetes:2
service update diabetes-svc --add-tag stage=production
service rollback diabetes-svc
service rollback diabetes-svc --to 1
service reload diabetes-svc
service stop diabetes-svc
service start diabetes-svc
service restart diabetes-svc
service logs diabetes-svc --follow
service delete diabetes-svc
model distrust diabetes:1
model delete diabetes:1
image list
image prune --dry-run
computetarget list
run notebooks/01_first_service.ipynb -p service_name nightly --result result.json
run deploy_v1.ipynb --azureml
import azureml old-project
import azureml old-project --write new-project
import azureml deploy_v1.ipynb -o json --query decide
quickstart demo
workspace create demo
folder attach -w demo -g mygroup
"""
# What needs an engine, a cluster, a team's database, a tracked run or a long download: other tests
# run these verbs, on such parts; their examples are parsed with all others (tests/unit/front).
ELSEWHERE = """
model register --run-id 4f1c --asset-path outputs/model --name churn
model import diabetes.tar --registry postgresql://ml@db/models
service attach diabetes-svc --target docker
service export diabetes-svc
service scale diabetes-svc --replicas 3
model package -m diabetes:1 --script score.py
model package -m diabetes:1 --script score.py --push registry.example.com/ml/diabetes:1
model package -m diabetes:1 --script score.py --to bundle --output-path diabetes.tar.gz
model package --script score.py --to oci --output-path arm.tar --platform linux/arm64
image pull
image pull python:3.12-slim
computetarget attach kubernetes -n prod --context prod --namespace ml
computetarget create kubernetes -n try-out
alias az
alias az --shell fish
completion bash
completion zsh
completion fish
computetarget show prod
computetarget check prod
computetarget check prod --rbac
computetarget detach prod
computetarget delete try-out
run notebooks/01_first_service.ipynb --set target=docker --cleanup always
run train.ipynb --environment scikit-learn
"""


def test_every_verb_has_an_example_and_every_example_has_its_place() -> None:
    assert [verb.title for verb in VERBS if not verb.examples] == []
    examples = {f"{'' if v.shell else '%%'}{line}" for v in VERBS for line in v.examples}
    placed = {*lines(STORY), *lines(ELSEWHERE)}
    assert examples - placed == set(), "put them into STORY, where they run, or into ELSEWHERE"
    assert placed - examples == set(), "these are no examples any more"


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.fixture
def folder(shell: object, tmp_path: Path) -> Iterator[Path]:
    """What the examples name: models, configurations, keys, notebooks."""
    (tmp_path / "mnist").mkdir()
    for place in ("model.onnx", "mnist/model.onnx"):
        (tmp_path / place).write_bytes(b"\x08\x0a")  # ONNX: the version of its format, no graph
    (tmp_path / "one.pkl").write_bytes(pickle.dumps(shlex.shlex))  # may be loaded by trust alone
    (tmp_path / "two.txt").write_text("2")
    workspace = Workspace.create(tmp_path)
    workspace.register_model(
        tmp_path / "one.pkl", name="diabetes", tags={"area": "health"}, trust="our own"
    )
    workspace.register_model(tmp_path / "two.txt", name="diabetes")
    (tmp_path / "sample.json").write_text('{"data": [[1, 2]]}')
    (tmp_path / "card.md").write_text("# Diabetes\n")
    (tmp_path / "inferenceconfig.json").write_text(CELLS["inference_config"])
    (tmp_path / "deploymentconfig.json").write_text(CELLS["deployment_config"])
    for words in (
        "ecparam -name prime256v1 -genkey -noout -out signing.pem",
        "ec -in signing.pem -pubout -out signing.pub",
    ):
        subprocess.run(["openssl", *words.split()], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("service_name = 'x'", metadata={"tags": ["parameters"]})],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, tmp_path / "notebooks" / "01_first_service.ipynb")
    notebook.cells.append(nbformat.v4.new_code_cell("import azureml.core"))
    nbformat.write(notebook, tmp_path / "deploy_v1.ipynb")
    (tmp_path / "old-project").mkdir()
    (tmp_path / "old-project" / "deploy.py").write_text("from azureml.core import Dataset\n")
    yield tmp_path
    for service in workspace.list_services():
        service.delete()


# What some of them say, so that "it ran" is not all that is known.
TOLD = {
    "model list --tag area=health -o json": '"id": "diabetes:1"',
    "model download diabetes:1 -t out": "out/one.pkl\n",
    "model trust diabetes": "our own",
    "model card diabetes:1": "%deploy diabetes-svc --model diabetes:1 --script score.py",
    "model verify-signature diabetes:1 --public-key signing.pub": "verified by signing.pub",
    "config show ic": '"entryScript": "score.py"',
    "deploy diabetes-svc --model diabetes --script score.py": "Healthy",
    "deploy diabetes-svc --model diabetes --script score.py --plan": "diabetes:1 → diabetes:2",
    "service run diabetes-svc -d @sample.json": "one.pkl\n",
    "service delete diabetes-svc": "diabetes-svc  deleted\n",
    "import azureml old-project": "Read the data with pandas or fsspec.",
    "import azureml old-project --write new-project": "new-project\n",
    "folder attach -w demo -g mygroup": "workspace 'demo'",
}


def test_the_examples_run(shell, folder, capsys, monkeypatch):
    following = None
    for line in lines(STORY):
        if line.startswith("%%"):
            name, _, rest = line[2:].partition(" ")
            shell.cell(f"%%{name} {rest}\n{CELLS[name]}")
            continue
        if line.endswith("--follow"):  # ends when the service is deleted
            following = threading.Thread(target=main, args=(shlex.split(line),))
            following.start()
            continue
        if line.startswith("folder attach"):  # in a folder that is no workspace yet
            monkeypatch.chdir(folder / "out")
        code = main(shlex.split(line))
        out, err = capsys.readouterr()
        assert code == 0, f"{line}\n{out}\n{err}"
        assert TOLD.get(line, "") in out, f"{line}\n{out}"
    following.join(timeout=60)
    assert not following.is_alive()
    assert json.loads((folder / "result.json").read_text())["status"] == "succeeded"
