"""The seed sequence of Azure ML v1 as a notebook, unattended, in containers."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest

# As users wrote them; the name of the service is the only thing that is put in.
CELLS = (
    """\
from azureml.core import Environment, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice, Webservice

ws = Workspace.from_config()
print(ws.name)
""",
    """\
with open("model.txt", "w") as stream:
    stream.write("one")
model = Model.register(ws, model_path="model.txt", model_name="hello", tags={"area": "demo"})
""",
    """\
env = Environment("notebook-env")
env.environment_variables = {"GREETING": "hello"}
env.python.conda_dependencies = CondaDependencies.create(pip_packages=["azureml-defaults"])
inference_config = InferenceConfig(
    entry_script="score.py", source_directory="./source_dir", environment=env
)
""",
    """\
config = AciWebservice.deploy_configuration(cpu_cores=0.5, memory_gb=0.5, auth_enabled=True)
service = Model.deploy(ws, "NAME", [model], inference_config, config)
service.wait_for_deployment(show_output=True)
print("state:", service.state)
""",
    """\
import json

print(service.run(json.dumps({"data": [1, 2]})))

import mlmagic

print([each.snapshot()["target"] for each in mlmagic.Workspace(".").list_services()])
""",
    """\
with open("model.txt", "w") as stream:
    stream.write("two")
model = Model.register(ws, "model.txt", "hello")
service.update(models=[model], inference_config=inference_config)
service.wait_for_deployment()
print(Webservice(ws, "NAME").run(json.dumps({"data": []}))["text"])
print("logged:", "POST /score 200" in service.get_logs())
""",
    """\
service.delete()
print([each.name for each in Webservice.list(ws)])
""",
)


@pytest.mark.docker
def test_the_seed_sequence_runs_by_a_notebook_in_containers(
    project, docker_engine, unique, monkeypatch
):
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", docker_engine.base)
    name = f"svc-{unique}"
    cells = [nbformat.v4.new_code_cell(text.replace("NAME", name)) for text in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, project / "seed.ipynb")
    words = "run seed.ipynb out.ipynb --azureml --set target=docker --cleanup always"
    answer = subprocess.run(
        [sys.executable, "-m", "mlmagic", *words.split(), "--result", "result.json"],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    executed = nbformat.read(project / "out.ipynb", as_version=4)
    streams = (out for cell in executed.cells for out in cell.get("outputs", ()))
    said = "".join(out.text for out in streams if out.output_type == "stream").splitlines()
    for line in (
        "myws",
        'ACI service creation operation finished, operation "Succeeded"',
        "state: Healthy",
        "{'text': 'one', 'data': [1, 2], 'greeting': 'hello'}",
        "['docker']",
        "two",
        "logged: True",
        "[]",
    ):
        assert line in said, said
    (service,) = json.loads((project / "result.json").read_text())["services"]
    assert (service["name"], service["state"]) == (name, "Deleted")
