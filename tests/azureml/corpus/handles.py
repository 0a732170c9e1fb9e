import json

import requests

from azureml.core import Environment, Model, Workspace
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AciWebservice, AksWebservice, LocalWebservice, Webservice
from azureml.exceptions import WebserviceException

ws = Workspace.from_config()
with open("model.txt", "w") as stream:
    stream.write("a model")
model = Model.register(ws, "model.txt", "hello")
env = Environment.get(ws, "AzureML-Minimal").clone("handles")
env.environment_variables["GREETING"] = "from here"
config = InferenceConfig("score.py", source_directory="source_dir", environment=env)

local = Model.deploy(ws, "local-service", [model], config, LocalWebservice.deploy_configuration())
local.wait_for_deployment()
raw = requests.post(local.scoring_uri, data=json.dumps({"data": 1}))
print(raw.status_code, raw.json()["greeting"])
local.update(wait=True)
cloud = local.deploy_to_cloud("cloud-service", AciWebservice.deploy_configuration(cpu_cores=1))
cloud.wait_for_deployment()
print(type(cloud).__name__, cloud.run(json.dumps({"data": 2})), [m.id for m in cloud.models])
print(cloud.location, cloud.public_ip, cloud.public_fqdn, cloud.cname, cloud.ssl_enabled)
packages = list(cloud.environment.python.conda_dependencies.pip_packages)
print(cloud.environment.name, cloud.environment.environment_variables, "uvicorn==" in str(packages))
print(type(AksWebservice(ws, "cloud-service")).__name__)
print([s.name for s in Webservice.list(ws, "aci")], Webservice.list(ws, image_name="x"))
cloud.add_tags({"area": "x", "a": "y"})
cloud.remove_tags("area")
print(cloud.tags)
aks_config = AksWebservice.deploy_configuration(cpu_cores=0.5, memory_gb=1, collect_model_data=True)
aks = Model.deploy(ws, "aks-service", [model], config, aks_config)
aks.wait_for_deployment()
print(aks.container_resource_requirements.serialize(), aks.autoscaler, aks.version_type)
print(aks.data_collection.storage_enabled, aks.liveness_probe_requirements.period_seconds)
aks.add_properties({"p": "1"})
aks.add_properties({"p": "2"})
for wrong in (
    lambda: aks.update(cpu_cores=-1),
    lambda: aks.update(description=""),
    lambda: Webservice.list(ws, "nosuch"),
    lambda: LocalWebservice(ws, "aks-service"),
):
    try:
        wrong()
    except WebserviceException as error:
        print("Error:", error.message.strip())
print(LocalWebservice(ws, "nosuch", must_exist=False).state)
for service in (cloud, aks):
    service.delete()
    print(service.state, service.tags, repr(service)[:14], len(service.serialize()) > 10)
try:
    cloud.update_deployment_state()
except WebserviceException as error:
    print(error.message)
