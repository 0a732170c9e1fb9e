import json

from azureml.core import Environment, Model, Workspace
from azureml.core.compute import AksCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AksWebservice, Webservice
from azureml.exceptions import WebserviceException

ws = Workspace.from_config()
aks_name = "my-aks"
try:
    aks_target = ComputeTarget(workspace=ws, name=aks_name)
    print("Found existing cluster, use it.")
except ComputeTargetException:
    attach_config = AksCompute.attach_configuration(
        resource_group="rg", cluster_name="mycluster", cluster_purpose=AksCompute.ClusterPurpose.DEV_TEST
    )
    aks_target = ComputeTarget.attach(ws, aks_name, attach_config)
    aks_target.wait_for_completion(show_output=True)
print(aks_target.provisioning_state, ws.compute_targets[aks_name].type)

for text in ("on a cluster", "updated"):
    with open("model.txt", "w") as stream:
        stream.write(text)
    Model.register(ws, "model.txt", "hello")
env = Environment.get(workspace=ws, name="AzureML-Minimal").clone("cloned")
inference_config = InferenceConfig(
    entry_script="score.py", source_directory="source_dir", environment=env
)
aks_config = AksWebservice.deploy_configuration(
    autoscale_enabled=False, num_replicas=1, cpu_cores=0.1, memory_gb=0.2
)
service = Model.deploy(
    ws, "aks-service", [Model(ws, "hello", version=1)], inference_config, aks_config, aks_target
)
service.wait_for_deployment(show_output=True)
print(service.state, service.compute_type, service.compute_name)
print(service.run(json.dumps({"data": 1})))
print("keys:", all(service.get_keys()))
service.update(models=[Model(ws, "hello")], inference_config=inference_config)
service.wait_for_deployment()
print(Webservice(ws, "aks-service").run(json.dumps({"data": 2}))["text"])
print("logged:", "POST /score 200" in service.get_logs())
service.delete()
try:
    Webservice(ws, "aks-service")
except WebserviceException as error:
    print(error.message)
aks_target.detach()
print(aks_name in ws.compute_targets)
