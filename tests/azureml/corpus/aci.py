import json
import urllib.request

from azureml.core import Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import Environment
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice, Webservice
from azureml.exceptions import WebserviceException

ws = Workspace.from_config(path=".azureml/config.json")

for name in ("first", "second"):
    with open(name + ".txt", "w") as stream:
        stream.write("the " + name)
    Model.register(ws, model_path=name + ".txt", model_name=name)

env = Environment("aci-env")
env.python.conda_dependencies = CondaDependencies.create(
    pip_packages=["azureml-defaults"], python_version="3.6.2"
)
env.register(workspace=ws)
env = Environment.get(ws, "aci-env")
print(env.name, env.version)

inference_config = InferenceConfig("many.py", source_directory="source_dir", environment=env)
aciconfig = AciWebservice.deploy_configuration(
    cpu_cores=0.5,
    memory_gb=1,
    auth_enabled=True,
    tags={"data": "mnist"},
    description="Predict with two models",
    primary_key="firstkey-firstkey-firstkey",
)
service_name = "my-aci-service"
try:
    Webservice(ws, service_name).delete()
except WebserviceException as error:
    print(error.message)

models = [Model(ws, "first"), Model(ws, id="second:1")]
service = Model.deploy(ws, service_name, models, inference_config, aciconfig, overwrite=True)
service.wait_for_deployment(True)
print(service.state, service.compute_type, service.tags, service.description)
print(service.run("{}"))

key, second = service.get_keys()
print(key)
headers = {"Content-Type": "application/json", "Authorization": "Bearer " + key}
request = urllib.request.Request(service.scoring_uri, data=b"{}", headers=headers)
print(json.loads(urllib.request.urlopen(request).read()))
service.regen_key("Primary")
print(service.get_keys()[0] != key, service.get_keys()[1] == second)
service.regen_key("Secondary", set_key="secondkey-secondkey-secondkey")
print(service.get_keys()[1])
print("logged:", "POST /score 200" in service.get_logs(num_lines=100))

with open("second.txt", "w") as stream:
    stream.write("a better second")
better = Model.register(ws, model_path="second.txt", model_name="second")
service.update(models=[models[0], better], inference_config=inference_config)
service.wait_for_deployment(show_output=True)
print(service.run("{}"), [each.id for each in service.models])
print([each.name for each in Webservice.list(ws, model_id="second:2")] == [service_name])

service.add_tags({"data": "other", "stage": "test"})
service.remove_tags(["stage", "nothing"])
service.add_properties({"team": "ml"})
service.update(description="changed")
print(service.properties, service.error, service.token_auth_enabled)
print(Webservice(ws, service_name).tags, ws.webservices[service_name].description)
print([type(each).__name__ for each in Webservice.list(ws, compute_type="ACI")])
print(sorted(service.serialize()))
try:
    Model.deploy(ws, service_name, models, inference_config, aciconfig)
except WebserviceException as error:
    print("exists:", service_name in error.message)
try:
    Model(ws, "first").delete()
except WebserviceException as error:
    print("in use:", service_name in error.message)
service.delete()
