import os

from azureml.core import Environment, Model, Workspace
from azureml.core.model import InferenceConfig
from azureml.exceptions import WebserviceException

ws = Workspace.from_config()
with open("model.txt", "w") as stream:
    stream.write("packaged")
model = Model.register(ws, "model.txt", "hello")
inference_config = InferenceConfig(
    "score.py", source_directory="source_dir", environment=Environment.get(ws, "AzureML-Minimal")
)

package = Model.package(ws, [model], inference_config, image_name="my-image", image_label="v1")
package.wait_for_creation(show_output=True)
print(package.state, package.location)
package.pull()
try:
    package.save("./imagefiles")
except WebserviceException as error:
    print(error.message)

package = Model.package(ws, [model], inference_config, generate_dockerfile=True)
package.wait_for_creation(show_output=False)
package.save("./imagefiles")
print(os.path.isfile("imagefiles/Dockerfile"), os.path.isdir("imagefiles/azureml-app"))
try:
    package.pull()
except WebserviceException as error:
    print(error.message)
