"""Raw HTTP scripts, answers of their own, and CORS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.scoring.conftest import RunningServer, needs

ServeSource = Callable[..., RunningServer]
SCRIPT = """
import json
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

def init(): pass

@rawhttp
def run(request):
    assert isinstance(request, AMLRequest)
    if request.method == "GET":
        return AMLResponse(request.full_path, 200)
    if request.method == "POST" and request.path == "/score":
        kind = request.args.get("kind")
        if kind == "none":
            return AMLResponse(None, 200)
        if kind == "json":
            return AMLResponse({"a": [1]}, 201, json_str=True)
        if kind == "image":
            fields = {"Content-Type": "image/jpeg", "X-Mine": "a, b", "Content-Length": "1"}
            return AMLResponse(request.get_data(False), 200, fields)
        if kind == "form":
            file = request.files["file"]
            told = [file.filename, file.content_type, len(file.read()), request.form["name"]]
            return AMLResponse(told, 200, json_str=True)
        if kind == "cors":
            answer = AMLResponse("x", 200)
            answer.headers["Access-Control-Allow-Origin"] = "http://example.org"
            return answer
        if kind == "error":
            return AMLResponse("unavailable", 503)
        if kind == "failed":
            return AMLResponse("mine", 400, run_function_failed=True)
        if kind == "value":
            return {"length": len(request.get_data()), "type": request.headers["content-type"]}
        return AMLResponse(request.get_json(), 200, json_str=True)
    return AMLResponse("bad request", 500)
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("raw")
    (folder / "score.py").write_text(SCRIPT)
    server = RunningServer(str(folder / "score.py"), folder)
    yield server.ready()
    server.close()


def test_get_echoes_the_path(raw: RunningServer) -> None:
    answer = raw.ask("GET", "/score?a=1&b=%20")
    assert (answer.status, answer.body) == (200, b"/score?a=1&b=%20")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-ms-run-function-failed"] == "False"
    assert float(answer.headers["x-ms-run-fn-exec-ms"]) >= 0


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH"])
def test_every_method_is_the_scripts(raw: RunningServer, method: str) -> None:
    answer = raw.ask(method, body=b"x")
    assert (answer.status, answer.body) == (500, b"bad request")
    assert answer.headers.get_all("x-ms-run-function-failed") == ["True"]


def test_none_is_an_empty_object(raw: RunningServer) -> None:
    answer = raw.ask(path="/score?kind=none", body=b"")
    assert (answer.status, answer.json) == (200, {})
    assert answer.headers["content-type"] == "application/json"


def test_json(raw: RunningServer) -> None:
    answer = raw.ask(path="/score?kind=json", body=b"")
    assert (answer.status, answer.json) == (201, {"a": [1]})
    assert raw.ask(body=b"[1]", Content_Type="application/json").json == [1]


def test_bytes_and_repeated_headers(raw: RunningServer) -> None:
    image = bytes(range(256)) * 100
    answer = raw.ask(path="/score?kind=image", body=image)
    assert answer.body == image
    assert answer.headers.get_all("content-type") == ["image/jpeg"]
    assert answer.headers.get_all("x-mine") == ["a", "b"]
    assert answer.headers.get_all("content-length") == [str(len(image))]


def test_files(raw: RunningServer) -> None:
    content = b"\x00\xff\r\n--not the boundary\r\n" * 10
    parts = (
        b'--edge\r\nContent-Disposition: form-data; name="name"\r\n\r\nmine\r\n'
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a b.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--edge--\r\n"
    )
    kind = "multipart/form-data; boundary=edge"
    answer = raw.ask(path="/score?kind=form", body=parts, Content_Type=kind)
    assert answer.json == ["a b.png", "image/png", len(content), "mine"]


def test_plain_values_still_become_json(raw: RunningServer) -> None:
    answer = raw.ask(path="/score?kind=value", body=b"abc", Content_Type="x/y")
    assert answer.json == {"length": 3, "type": "x/y"}


def test_cors_of_one_response(raw: RunningServer) -> None:
    answer = raw.ask(path="/score?kind=cors", body=b"")
    assert answer.headers["access-control-allow-origin"] == "http://example.org"


def test_own_errors(raw: RunningServer) -> None:
    answer = raw.ask(path="/score?kind=error", body=b"", X_Request_Id="mine")
    assert (answer.status, answer.body) == (503, b"unavailable")
    assert answer.headers.get_all("x-ms-run-function-failed") == ["True"]
    assert answer.headers["x-request-id"] == "mine"
    answer = raw.ask(path="/score?kind=failed", body=b"")
    assert (answer.status, answer.headers["x-ms-run-function-failed"]) == (400, "True")


FLASK = """
import flask
def init(): pass
def run(data):
    if data == "stream":
        return flask.Response((piece for piece in ["a", "b"]), mimetype="text/csv")
    answer = flask.Response(data, status=int(data or 200))
    answer.headers.add("X-Mine", "1")
    answer.set_cookie("a", "b")
    answer.set_cookie("c", "d")
    return answer
"""


@needs("flask")
def test_flask_responses(serve_source: ServeSource) -> None:
    server = serve_source(FLASK).ready()
    answer = server.ask(body=b"202")
    assert (answer.status, answer.body, answer.headers["x-mine"]) == (202, b"202", "1")
    assert len(answer.headers.get_all("set-cookie")) == 2
    assert answer.headers["x-ms-run-function-failed"] is None
    assert server.ask(body=b"500").headers["x-ms-run-function-failed"] == "True"
    assert server.ask(body=b"stream").body == b"ab"


REAL = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
import flask
def init(): pass
@rawhttp
def run(request):
    assert isinstance(request, flask.Request)
    return {
        "path": request.full_path, "files": [f.filename for f in request.files.values()],
        "json": request.get_json(silent=True), "form": dict(request.form),
        "header": request.headers.get("X-Mine"), "data": len(request.get_data()),
    }
"""
PACKAGE = """
from flask import Request
_rawHttpRequested = False
def rawhttp(function):
    global _rawHttpRequested
    _rawHttpRequested = True
    return function
class AMLRequest(Request): pass
"""


@needs("flask")
def test_the_real_package_wins(serve_source: ServeSource, tmp_path) -> None:
    home = tmp_path / "site" / "azureml" / "contrib" / "services"
    home.mkdir(parents=True)
    for folder in (home, home.parent, home.parent.parent):
        (folder / "__init__.py").touch()
    (home / "aml_request.py").write_text(PACKAGE)
    server = serve_source(REAL, PYTHONPATH=_path(tmp_path / "site")).ready()
    body = json.dumps({"a": 1})
    answer = server.ask(
        "POST", "/score?q=1", body=body, Content_Type="application/json", X_Mine="2"
    )
    assert answer.json == {
        "path": "/score?q=1",
        "files": [],
        "json": {"a": 1},
        "form": {},
        "header": "2",
        "data": len(body),
    }


def _path(folder) -> str:
    import os

    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])


def test_origins_of_the_server(serve: Callable[..., RunningServer]) -> None:
    server = serve("echo", AML_CORS_ORIGINS="http://a.org, http://b.org").ready()
    answer = server.ask("GET", "/", Origin="http://a.org")
    assert answer.headers["access-control-allow-origin"] == "http://a.org"
    assert answer.headers["vary"] == "Origin"
    assert server.ask(body=b"").headers.get_all("access-control-allow-origin") == ["http://a.org"]
    assert (
        server.ask(body=b"", Origin="http://c.org").headers["access-control-allow-origin"] is None
    )
    answer = server.ask(
        "OPTIONS",
        Origin="http://b.org",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type",
    )
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert answer.headers["access-control-allow-headers"] == "content-type"


def test_any_origin(serve: Callable[..., RunningServer]) -> None:
    server = serve("echo", AML_CORS_ORIGINS="*").ready()
    answer = server.ask(body=b"x", Origin="http://c.org")
    assert answer.headers["access-control-allow-origin"] == "http://c.org"
    assert server.ask(body=b"x").headers["access-control-allow-origin"] == "*"
