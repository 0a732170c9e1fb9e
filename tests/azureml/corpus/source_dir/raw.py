from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse(str(request.full_path), 200)
    if request.method == "POST":
        return AMLResponse(request.get_data(False), 201)
    return AMLResponse("bad request", 500)
