from azureml_inference_server_http.api.aml_request import rawhttp
from flask import Response


def init():
    pass


@rawhttp
def run(request):
    if request.args.get("stream"):
        return Response((piece for piece in ("a", "b", "c")), mimetype="text/csv")
    answer = Response("made by flask", status=int(request.args.get("status", 200)), mimetype="text/csv")
    answer.set_cookie("seen", "yes")
    answer.headers["X-Request-Id"] = "the script's"
    return answer
