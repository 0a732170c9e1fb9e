"""/swagger.json of undecorated scripts, files of the user, methods of each route."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import RunningServer

if TYPE_CHECKING:
    from pathlib import Path

Serve = Callable[..., RunningServer]
PLAIN = "def init(): pass\ndef run(data): return data"


def test_three_versions(serve: Serve) -> None:
    server = serve(
        "echo", SERVICE_NAME="Mine", SERVICE_VERSION="7", SERVICE_PATH_PREFIX="/a/b/"
    ).ready()
    two = server.ask("GET", "/swagger.json").json
    assert two["swagger"] == "2.0"
    assert two["info"]["title"] == "Mine"
    assert two["info"]["version"] == "7"
    assert set(two["paths"]) == {"/a/b/", "/a/b/score", "/a/b/swagger.json"}
    assert two["definitions"]["ServiceInput"] == {"type": "object", "example": {}}
    assert two["definitions"]["ServiceOutput"] == {"type": "object", "example": {}}
    for version in ("2", "2.0"):
        assert server.ask("GET", f"/swagger.json?version={version}").json == two
    three = server.ask("GET", "/swagger.json?version=3").json
    assert three["openapi"] == "3.0.3"
    assert server.ask("GET", "/swagger.json?version=3.0").json == three
    assert server.ask("GET", "/swagger.json?version=3.1").json == three | {"openapi": "3.1.0"}


@pytest.mark.parametrize("version", ["", "1", "4.0", "x"])
def test_unknown_version(serve: Serve, version: str) -> None:
    answer = serve("echo").ready().ask("GET", f"/swagger.json?version={version}")
    assert answer.status == 404
    text = f"Swagger version [{version}] is not valid. Supported versions: [2, 3, 3.1]."
    assert answer.json == {"message": text}


def test_the_sample_is_the_example(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "sample.json").write_text('{"data": [1]}')
    server = serve("echo", "--sample", str(tmp_path / "sample.json")).ready()
    definitions = server.ask("GET", "/swagger.json").json["definitions"]
    assert definitions["ServiceInput"]["example"] == {"data": [1]}
    assert definitions["ServiceOutput"]["example"] == {"got": '{"data": [1]}'}


def test_files_of_the_user(serve_source: Serve, tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "swagger.json").write_text('{"mine": "any"}')
    (app / "swagger2.json").write_text('{"mine": 2}')
    (app / "swagger3.json").write_text('{"mine": 3}')
    (app / "swagger3.1.json").write_text("not json")
    server = serve_source(PLAIN).ready()
    assert server.ask("GET", "/swagger.json").json == {"mine": "any"}
    assert server.ask("GET", "/swagger.json?version=3").json == {"mine": 3}
    assert server.ask("GET", "/swagger.json?version=3.1").json["openapi"] == "3.1.0"
    (app / "swagger.json").unlink()
    server = serve_source(PLAIN).ready()
    assert server.ask("GET", "/swagger.json").json == {"mine": 2}


def test_methods_of_each_route(serve: Serve) -> None:
    server = serve("echo").ready()
    for path in ("/", "/live", "/ready", "/swagger.json"):
        full = server.ask("GET", path)
        head = server.ask("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(full.body))
        options = server.ask("OPTIONS", path)
        assert (options.status, options.headers["allow"]) == (200, "GET, HEAD, OPTIONS")
        assert server.ask("POST", path, b"x").status == 405
    assert server.ask("HEAD", "/score").status == 405
    assert server.ask("OPTIONS", "/nowhere").status == 404


def test_before_ready(serve: Serve, tmp_path: Path) -> None:
    server = serve("init_waits_for_file", WAIT_FOR=str(tmp_path / "gate")).listening()
    assert server.ask("GET", "/swagger.json").status == 503
    (tmp_path / "gate").touch()
    assert server.ready().ask("GET", "/swagger.json").status == 200
    assert json.loads(server.ask("GET", "/swagger.json").body)
