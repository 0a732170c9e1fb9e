import hashlib

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    file = request.files.get("image")
    if file is None:
        return AMLResponse({"form": request.form.to_dict(), "type": request.content_type, "json": request.get_json(silent=True)}, 200, json_str=True)
    content = file.read()
    return AMLResponse(
        {"sha": hashlib.sha256(content).hexdigest(), "size": len(content), "name": file.filename, "form": request.form.to_dict(), "header": request.headers.get("X-One")},
        201,
        json_str=True,
    )
