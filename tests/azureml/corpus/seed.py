import json

import azureml.core
from azureml.core import Environment, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import LocalWebservice

print("SDK version:", azureml.core.VERSION)

ws = Workspace.from_config()
print(ws.name, ws.resource_group, ws.location, ws.subscription_id, sep="\t")

with open("model.txt", "w") as stream:
    stream.write("one")
model = Model.register(
    workspace=ws,
    model_path="model.txt",
    model_name="hello",
    tags={"area": "demo"},
    description="says hello",
)
print(model.name, model.id, model.version, sep="\t")

env = Environment(name="project-env")
env.environment_variables = {"GREETING": "hello"}
env.python.conda_dependencies = CondaDependencies.create(pip_packages=["azureml-defaults"])

inference_config = InferenceConfig(
    entry_script="score.py", source_directory="./source_dir", environment=env
)
deployment_config = LocalWebservice.deploy_configuration()
service = Model.deploy(ws, "myservice", [model], inference_config, deployment_config)
service.wait_for_deployment(show_output=True)
print("state:", service.state)
print(service.run(json.dumps({"data": [1, 2]})))

# Edit the script, and run it without building anything.
with open("source_dir/score.py", "a") as stream:
    stream.write("\n\ndef run(raw_data):\n    return 'edited ' + text\n")
service.reload(wait=True)
print(service.run("{}"))

with open("model.txt", "w") as stream:
    stream.write("two")
model = Model.register(ws, "model.txt", "hello")
service.update(models=[model], inference_config=inference_config, wait=True)
print(service.run("{}"))

print("logged:", "Ready" in service.get_logs())
print(list(ws.webservices), list(ws.models), [each.name for each in LocalWebservice.list(ws)])
service.delete()
print("state:", service.state)
for each in Model.list(ws, name="hello"):
    each.delete()
print(Model.list(ws))
