import os
import subprocess
import sys

from azureml.core import Experiment, Model, Workspace
from azureml.core.authentication import ServicePrincipalAuthentication
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.exceptions import (
    UserErrorException,
    WebserviceException,
    WorkspaceException,
)

auth = ServicePrincipalAuthentication(
    tenant_id="t", service_principal_id="i", service_principal_password="p"
)
ws = Workspace(subscription_id="sub", resource_group="rg", workspace_name="myws", auth=auth)
ws.write_config(path="other", file_name="ws_config.json")
print(Workspace.from_config("other/.azureml/ws_config.json").name)

os.makedirs("mnist/data", exist_ok=True)
for name in ("weights.txt", "labels.txt", "data/rows.csv"):
    with open("mnist/" + name, "w") as stream:
        stream.write(name)
first = Model.register(
    workspace=ws,
    model_path="mnist/labels.txt",
    model_name="mnist",
    tags={"area": "digits", "type": "cnn"},
    properties={"origin": "zoo"},
    description="MNIST image classification",
    model_framework=Model.Framework.CUSTOM,
    model_framework_version="1.3",
    resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
)
print(first.name, first.id, first.version, sep="\t")
print(first.model_framework, first.model_framework_version, first.resource_configuration.cpu)
whole = Model.register(ws, "mnist", "mnist", tags={"area": "digits"})
part = Model.register(ws, "mnist", "part", child_paths=["mnist/weights.txt", "mnist/data"])

print(Model(ws, "mnist").version, Model(ws, name="mnist", version=1).id, Model(ws, id="mnist:1").id)
print(Model(ws, "mnist", tags=[["type", "cnn"]]).version)
print([each.id for each in Model.list(ws, tags=["area", ["type", "cnn"]])])
print([each.id for each in Model.list(ws, properties=[["origin", "zoo"]])])
print(sorted(each.id for each in Model.list(ws, latest=True)), sorted(ws.models))
print(list(Workspace.list("sub", resource_group="rg")), ws.get_details()["name"])

first.add_tags({"type": "rnn", "stage": "test"})
first.remove_tags(["stage", "nothing"])
first.add_properties({"team": "ml"})
first.add_tags({"s": "1", "stage": "again"})
first.remove_tags("stage")
first.update(resource_configuration=ResourceConfiguration(cpu=2))
first.update(resource_configuration=ResourceConfiguration(cpu=3))
print(first.tags, Model(ws, id="mnist:1").resource_configuration.cpu)
print(Model(ws, "mnist", version="1").id, len(Model.list(ws, page_count=None)), first.datasets)
try:
    first.add_properties({"team": "other"})
except WebserviceException as error:
    print(error.message)
first.update(tags={"only": "this"}, description="changed")
print(first.tags, first.properties, Model(ws, id="mnist:1").description)
print(Model.deserialize(ws, first.serialize()).id, sorted(first.serialize())[:3])

print(part.download(target_dir="got"), sorted(os.listdir("got/mnist")))
try:
    part.download(target_dir="got")
except WebserviceException as error:
    print(error.message.split(".")[0])
print(part.download(target_dir="got", exist_ok=True))
print(Model.get_model_path("mnist", version=1, _workspace=ws))

for wrong in (
    lambda: Model(ws),
    lambda: Model(ws, "no"),
    lambda: Model(ws, "mnist", version=9),
    lambda: Model(ws, id="mnist:latest"),
    lambda: Model.register(ws, "nosuch.pkl", "mnist"),
    lambda: Model.register(ws, "mnist", "no name"),
    lambda: Model.register(ws, "mnist", "mnist", model_framework_version="1"),
    lambda: Model.register(ws, "mnist", "mnist", tags=["a"]),
    lambda: Model.list(ws, page_count=1),
    lambda: Model.deploy(ws, "Wrong_Name", [first]),
    lambda: Model.deploy(ws, "no-code", [first]),
    lambda: Workspace.from_config("nosuch"),
):
    try:
        wrong()
    except (UserErrorException, WebserviceException, WorkspaceException) as error:
        print(type(error).__name__ + ":", error.message.strip().split(".")[0])
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
with ws.experiments.get("shell", Experiment(ws, "shell")).start_logging(outputs=False) as run:
    run.upload_file("outputs/labels.txt", "mnist/labels.txt")
line = "mlmagic model register -n by-shell --asset-path outputs/labels.txt --run-id " + run.id
subprocess.run(line.split(), check=True, stdout=subprocess.DEVNULL)
found = Model(ws, "by-shell", run_id=run.id)
print(found.run_id == run.id, found.experiment_name, found.run.id == run.id)
run.register_model("by-sdk", "outputs/labels.txt")
line = "mlmagic model list -o tsv --query [].id --run-id " + run.id
print(subprocess.run(line.split(), check=True, capture_output=True, text=True).stdout.split())
for each in Model.list(ws):
    each.delete()
print(ws.models)
