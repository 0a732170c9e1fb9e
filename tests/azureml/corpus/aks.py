import json

from azureml.core import Environment, Model, Workspace
from azureml.core.authentication import InteractiveLoginAuthentication
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AksWebservice, Webservice

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
    autoscale_enabled=True,
    autoscale_min_replicas=1,
    autoscale_max_replicas=2,
    autoscale_target_utilization=70,
    cpu_cores=0.1,
    memory_gb=0.5,
    scoring_timeout_ms=5000,
    tags={"stage": "test"},
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
print("keys:", all(service.get_keys()))
print(service.state, service.compute_type, service.auth_enabled, service.scoring_timeout_ms)
print(service.run(json.dumps({"data": 1})))
print([each.name for each in Webservice.list(ws, compute_type="AKS", tags=[["stage", "test"]])])
service.update(autoscale_enabled=False, num_replicas=1, scoring_timeout_ms=6000)
service.wait_for_deployment()
print(service.num_replicas, service.run(json.dumps({"data": 2}))["data"])
print(service.scoring_timeout_ms, sorted(service.serialize()))
service.delete()
