import sys
import urllib.request

from azureml.core import Environment, Workspace
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice, LocalWebservice
from azureml.exceptions import WebserviceException

ws = Workspace.from_config()
with open("loose.txt", "w") as stream:
    stream.write("not registered")
with open("environment.yml", "w") as stream:
    stream.write("name: x\ndependencies:\n- python=3.7\n- pip:\n  - azureml-defaults\n")
env = Environment.from_conda_specification("from-file", "environment.yml")
if "--cloud" in sys.argv:
    config = AciWebservice.deploy_configuration(cpu_cores=0.1, memory_gb=0.5)
else:
    config = LocalWebservice.deploy_configuration()

loose = InferenceConfig("loose.py", source_directory="source_dir", environment=env)
service = Model.deploy(ws, "loose-service", ["./loose.txt"], loose, config)
service.wait_for_deployment()
print(service.run("{}"), [each.id for each in Model.list(ws)])
if "--cloud" not in sys.argv:
    service.deploy_to_cloud("loose-cloud", AciWebservice.deploy_configuration()).delete()
service.delete()

raw = InferenceConfig("raw.py", source_directory="source_dir", environment=env)
service = Model.deploy(ws, "raw-service", [], raw, config)
service.wait_for_deployment()
print(urllib.request.urlopen(service.scoring_uri + "?a=1").read())
request = urllib.request.Request(service.scoring_uri, data=b"\x00\x01", method="POST")
answer = urllib.request.urlopen(request)
print(answer.status, answer.read())
service.delete()

fails = InferenceConfig("fails.py", source_directory="source_dir", environment=env)
service = Model.deploy(ws, "fails-service", [], fails, config)
try:
    service.wait_for_deployment()
except WebserviceException as error:
    print("Did your init method fail?" in error.message, "the model is broken" in error.message)
print("state:", service.state, "the model is broken" in service.get_logs())
try:
    service.run("{}")
except WebserviceException as error:
    print(error.message)
service.delete()
