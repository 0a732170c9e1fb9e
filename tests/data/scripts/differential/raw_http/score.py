import json

from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    if request.method == "GET":
        kind = request.args.get("kind")
        if kind == "json":
            return AMLResponse({"a": [1, "é"]}, 200, json_str=True)
        if kind == "none":
            return AMLResponse(None, 204 if request.args.get("code") else 200)
        if kind == "headers":
            return AMLResponse("x", 200, {"Access-Control-Allow-Origin": "*", "X-Several": "a, b,c"})
        if kind == "type":
            return AMLResponse("<p>", 200, {"Content-Type": "text/x-mine"})
        if kind == "broken":
            return AMLResponse("broken", 503)
        if kind == "refused":
            return AMLResponse("no", 418, run_function_failed=True)
        if kind == "plain":
            return {"value": 1}
        return AMLResponse(str.encode(request.full_path), 200)
    if request.method == "POST":
        body = request.get_data(False)
        return AMLResponse(body, 200)
    if request.method == "OPTIONS":
        return AMLResponse("options", 200, {"Access-Control-Allow-Methods": "POST"})
    return AMLResponse("bad request", 500)
