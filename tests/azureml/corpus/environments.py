import json
import urllib.error
import urllib.request

from azureml.core import Environment, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.container_registry import ContainerRegistry
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice
from azureml.exceptions import UserErrorException, WebserviceException

ws = Workspace.from_config()
with open("model.txt", "w") as stream:
    stream.write("in many environments")
model = Model.register(ws, "model.txt", "hello")

# The packages one by one, and an image of our own below them.
conda = CondaDependencies()
conda.set_python_version("3.8")
conda.add_channel("pytorch")
conda.add_conda_package("pip")
conda.add_conda_package("numpy")
conda.remove_conda_package("numpy")
conda.add_pip_package("azureml-defaults>=1.0.45")
conda.add_pip_package("inference-schema>=1.1.0")
print(list(conda.conda_packages), list(conda.pip_packages), list(conda.conda_channels))
conda.save_to_file("source_dir", "myenv.yml")
by_hand = Environment("by-hand")
by_hand.python.conda_dependencies = conda
by_hand.docker.enabled = True
by_hand.docker.base_image = "myregistry.azurecr.io/mybase:1"
by_hand.inferencing_stack_version = "latest"
by_hand.environment_variables["GREETING"] = "by hand"

config = AciWebservice.deploy_configuration(cpu_cores=0.1, memory_gb=0.5)
inference_config = InferenceConfig(
    "nested/schema.py", source_directory="source_dir", environment=by_hand
)
service = Model.deploy(ws, "env-service", [model], inference_config, config)
service.wait_for_deployment(show_output=True)
print(service.run(json.dumps({"data": [[1.0, 2.0], [3.0, 4.0]]})))
try:
    service.run(json.dumps({"wrong": []}))
except WebserviceException as error:
    print("Response Code: 400" in error.message)
document = json.loads(urllib.request.urlopen(service.swagger_uri).read())
print(document["definitions"]["ServiceInput"]["example"]["data"])

print(Environment.get(ws, "by-hand").name, ws.environments["by-hand"].version)

# From files, registered, saved and loaded.
with open("requirements.txt", "w") as stream:
    stream.write("azureml-defaults\ninference-schema>=1.1.0\n")
by_pip = Environment.from_pip_requirements("by-pip", "requirements.txt")
by_pip.environment_variables = {"GREETING": "by pip"}
by_pip.docker.base_image = None
by_pip.docker.base_dockerfile = "FROM myregistry.azurecr.io/mybase:1\nRUN touch /made-by-us\n"
by_pip.build(workspace=ws).wait_for_completion(show_output=True)
print(by_pip.register(ws).version, by_pip.register(ws).version)
by_pip.save_to_directory("saved", overwrite=True)
loaded = Environment.load_from_directory("saved")
print(loaded.name, loaded.docker.base_dockerfile == by_pip.docker.base_dockerfile)
service.update(
    inference_config=InferenceConfig("score.py", source_directory="source_dir", environment=loaded)
)
service.wait_for_deployment()
print(service.run(json.dumps({"data": 1})))

# As it was before there were environments.
old = InferenceConfig(
    entry_script="score.py", runtime="python", conda_file="myenv.yml", source_directory="source_dir"
)
service.update(models=[model], inference_config=old)
service.wait_for_deployment()
print(service.run(json.dumps({"data": 2})))
service.delete()

# Those of images, of the workspace, and of others.
registry = ContainerRegistry()
registry.address = "myregistry.azurecr.io"
image = Environment.from_docker_image("image", "mybase:1", container_registry=registry)
print(image.python.user_managed_dependencies, image.docker.base_image_registry.address)
dockerfile = Environment.from_dockerfile("file", "FROM mybase:1", pip_requirements="requirements.txt")
print(dockerfile.docker.base_image, dockerfile.docker.base_dockerfile)
conda_env = Environment.from_conda_specification("from-conda", "source_dir/myenv.yml")
print(list(conda_env.python.conda_dependencies.pip_packages))
curated = Environment.get(workspace=ws, name="AzureML-Tutorial").clone("ours")
curated.python.conda_dependencies.add_pip_package("scikit-learn")
print(curated.name, curated.version, curated.register(workspace=ws).version)
print(sorted(name for name in Environment.list(ws) if not name.startswith("AzureML-")))
print(ws.environments["by-pip"].version, Environment.get(ws, "by-pip", version="1").name)
for wrong in (
    lambda: InferenceConfig("score.py", source_directory="source_dir", runtime="python", environment=by_pip),
    lambda: InferenceConfig("nosuch.py", source_directory="source_dir", environment=by_pip),
    lambda: InferenceConfig("score.py", source_directory="nosuch", environment=by_pip),
    lambda: Environment.get(ws, "by-pip", version="1", label="latest"),
):
    try:
        wrong()
    except (UserErrorException, WebserviceException) as error:
        print(type(error).__name__, error.message.strip().split(".")[0])
