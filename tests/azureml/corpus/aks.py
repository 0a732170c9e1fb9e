import json

from azureml.core import Environment, Model, Workspace
from azureml.core.authentication import InteractiveLoginAuthentication
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AksWebservice

ws = Workspace.get(
    name="myws",
    subscription_id="sub",
    resource_group="rg",
    auth=InteractiveLoginAuthentication(tenant_id="t"),
)
with open("model.txt", "w") as stream:
    stream.write("on a cluster")
model = Model.register(
    ws, "model.txt", "hello", model_framework=Model.Framework.CUSTOM, properties={"origin": "test"}
)
env = Environment.get(workspace=ws, name="AzureML-Minimal").clone("cloned")
aks_config = AksWebservice.deploy_configuration(
    autoscale_enabled=False, num_replicas=1, cpu_cores=1, memory_gb=1, scoring_timeout_ms=5000
)
service = Model.deploy(
    workspace=ws,
    name="aks-service",
    models=[model],
    inference_config=InferenceConfig(
        entry_script="score.py", source_directory="source_dir", environment=env
    ),
    deployment_config=aks_config,
    show_output=True,
)
service.wait_for_deployment(show_output=True)
print(service.state, service.compute_type, service.auth_enabled, service.scoring_timeout_ms)
print(service.run(json.dumps({"data": 1})))
service.update(scoring_timeout_ms=6000)
service.wait_for_deployment()
print(service.scoring_timeout_ms, sorted(service.serialize())[:4])
service.delete()
