"""Registries that refuse, break off, or want to be known first."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tarfile
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import requests

from mlmagic.errors import ImagePullError, ImagePushError
from tests.images import disk_bases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlmagic.images import Engine, Image, Images
    from mlmagic.testing import ServiceKit
    from tests.engine.fixtures import TestEngine
    from tests.engine.registry import Registry

CHUNK = 4 << 20  # what is sent at once where a registry does not take the whole


def test_an_unknown_authority_is_told_and_can_be_named(
    images: Images,
    small_image: Image,
    make_image_registry: Callable[..., Registry],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = make_image_registry(certificate=certificate)
    place = f"{registry.address}/ml/echo:1"
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ImagePushError, match="cannot be reached") as caught:
        images.push(small_image, place)
    assert "REQUESTS_CA_BUNDLE" in (caught.value.hint or "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "ca.crt"))
    assert images.push(small_image, place).startswith("sha256:")


def test_a_registry_that_takes_nothing_is_told(
    images: Images, small_image: Image, make_image_registry: Callable[..., Registry]
) -> None:
    read_only = {"enabled": True}
    storage = {"filesystem": {"rootdirectory": "/nowhere"}, "maintenance": {"readonly": read_only}}
    registry = make_image_registry(settings={"storage": storage})
    with pytest.raises(ImagePushError, match=f"'{registry.address}' answered 405"):
        images.push(small_image, f"{registry.address}/ml/echo:1")


@contextmanager
def refusing(status: int) -> Iterator[tuple[str, list[str]]]:
    """Answer everything with a status; gives the address, and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps({"errors": [{"code": "X", "message": "because"}]}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    with served(Handler) as address:
        yield address, asked


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "times", "fact", "way_out"),
    [
        (403, 1, "answered 403 Forbidden for 'ml/echo': because", "have not the right"),
        (404, 1, "does not exist in its registry", "Check the name and the tag"),
        (503, 4, "answered 503 Service Unavailable for 'ml/echo': because", "Try again later"),
    ],
)
def test_a_refusal_is_told_and_what_may_pass_is_tried_again(
    images: Images, status: int, times: int, fact: str, way_out: str
) -> None:
    with (
        refusing(status) as (address, asked),
        pytest.raises(ImagePullError, match=fact) as caught,
    ):
        images.base(f"{address}/ml/echo:1")
    assert f"'{address}" in str(caught.value)
    assert way_out in (caught.value.hint or "")
    assert asked == ["/v2/ml/echo/manifests/1"] * times


@contextmanager
def limiting(
    registry: Registry,
    refuse: Callable[[list[str]], int | None] = lambda _asked: None,
    *,
    largest: int = 1 << 40,
    breaks: bool = False,
    told: str | None = None,
) -> Iterator[tuple[str, list[str]]]:
    """Stand before a registry as a proxy.

    Args:
        registry: Where to what is not refused goes.
        refuse: Given what was asked so far, the newest last, returns a status or None.
        largest: Bytes of a request; more is answered by 413.
        breaks: Break the first upload that is larger than a chunk off, when a chunk has come.
        told: How much of an upload it says it has, instead of the truth.

    Yields:
        The address, and what was asked: methods, with the range that they have content for.
    """
    asked: list[str] = []
    broken: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            asked.append(f"{self.command} {self.headers.get('Content-Range', '')}".strip())
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if (status := 413 if len(body) > largest else refuse(asked)) is not None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            headers = {**self.headers, "Host": self.headers["Host"]}
            upload = self.path.partition("&digest=")[0]
            if breaks and not broken and self.command == "PUT" and len(body) > CHUNK:
                headers["Content-Length"] = f"{CHUNK}"
                given = pass_on("PATCH", upload, body[:CHUNK], headers)
                broken[upload] = given.headers["Location"].partition(self.headers["Host"])[2]
                self.close_connection = True
                return
            path = broken.get(self.path, self.path)
            given = pass_on(self.command, path, body, headers)
            self.send_response(given.status_code)
            stale = {} if told is None or self.command != "GET" else {"Range": told}
            for name, value in {**given.headers, **stale}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given.content)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def log_message(self, *_arguments: object) -> None:
            return

    def pass_on(method: str, path: str, body: bytes, headers: dict[str, str]) -> requests.Response:
        url = f"http://{registry.address}{path}"
        return requests.request(method, url, data=body, headers=headers, timeout=60)

    with served(Handler) as address:
        yield address, asked


@pytest.mark.parametrize(
    ("status", "way_out"), [(403, "have not the right"), (413, "limits the size of a request")]
)
def test_a_final_refusal_of_an_upload_is_not_tried_again(
    images: Images,
    small_image: Image,
    image_registry: Registry,
    unique: str,
    status: int,
    way_out: str,
) -> None:
    with (
        limiting(image_registry, lambda asked: {"PUT": status}.get(asked[-1])) as (address, asked),
        pytest.raises(ImagePushError, match=f"answered {status}") as caught,
    ):
        images.push(small_image, f"{address}/{unique}:1")
    assert way_out in (caught.value.hint or "")
    assert asked.count("PUT") == 1


def test_what_went_wrong_first_is_told(
    images: Images, small_image: Image, image_registry: Registry, unique: str
) -> None:
    def refuse(asked: list[str]) -> int | None:
        """Who is refused the upload may not look either."""
        return {"PUT": 400, "HEAD": 403}.get(asked[-1]) if "PUT" in asked else None

    with (
        limiting(image_registry, refuse) as (address, _),
        pytest.raises(ImagePushError, match="answered 400 Bad Request"),
    ):
        images.push(small_image, f"{address}/{unique}:1")


def test_who_shall_wait_asks_nothing_before(
    images: Images,
    small_image: Image,
    image_registry: Registry,
    unique: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(asked: list[str]) -> int | None:
        return 429 if asked[-1] == "PUT" and asked.count("PUT") == 1 else None

    last: list[str] = []
    with limiting(image_registry, refuse) as (address, asked):
        monkeypatch.setattr("time.sleep", lambda _: last.append(asked[-1]))
        images.push(small_image, f"{address}/{unique}:1")
    assert last == ["PUT"]


@pytest.fixture
def large_image(images: Images, kit: ServiceKit, tmp_path: Path) -> Image:
    """A service with a layer of some chunks."""
    base = images.base(disk_bases.write(tmp_path, "oci"))
    return images.service(kit.spec(models={"noise:1": os.urandom(5 * CHUNK)}), base)


def test_an_upload_that_breaks_off_goes_on_where_the_registry_stands(
    images: Images, large_image: Image, image_registry: Registry, unique: str
) -> None:
    said: list[str] = []
    with limiting(image_registry, breaks=True) as (address, asked):
        digest = images.push(large_image, f"{address}/{unique}:1", on_event=said.append)
    assert digest == images.pack(large_image).digest
    assert asked.count("GET") == 1  # where it stands
    assert asked.count("POST") == len(large_image.diff_ids) + 1
    sent = [each.partition("-")[0] for each in asked if each.startswith("PATCH")]
    assert sent[0] == f"PATCH {CHUNK}"
    assert any(re.search(r": 17 of 2\d MB", line) for line in said)
    assert said[-1].startswith(f"pushed {address}/{unique}:1: ")


@pytest.mark.parametrize(
    ("told", "status", "chunks"),
    [
        pytest.param(None, 405, 1, id="no chunks"),
        pytest.param("0-99", 416, 1, id="stale"),
        pytest.param("bytes", 416, 0, id="nonsense"),
    ],
)
def test_an_upload_begins_anew_where_a_registry_cannot_go_on(
    images: Images,
    large_image: Image,
    image_registry: Registry,
    unique: str,
    told: str | None,
    status: int,
    chunks: int,
) -> None:
    def refuse(asked: list[str]) -> int | None:
        return status if asked[-1].startswith("PATCH") else None

    with limiting(image_registry, refuse, breaks=True, told=told) as (address, asked):
        digest = images.push(large_image, f"{address}/{unique}:1")
    assert digest == images.pack(large_image).digest
    assert len([each for each in asked if each.startswith("PATCH")]) == chunks
    assert asked.count("POST") == len(large_image.diff_ids) + 2


def test_a_registry_that_refuses_the_size_of_a_request_gets_chunks(
    images: Images, large_image: Image, image_registry: Registry, unique: str
) -> None:
    with limiting(image_registry, largest=CHUNK) as (address, asked):
        digest = images.push(large_image, f"{address}/{unique}:1")
    assert digest == images.pack(large_image).digest
    assert f"PATCH {CHUNK}-{2 * CHUNK - 1}" in asked
    with (
        limiting(image_registry, largest=CHUNK // 2) as (address, asked),
        pytest.raises(ImagePushError, match="answered 413") as caught,
    ):
        images.push(large_image, f"{address}/{unique}/other:1")
    assert "client_max_body_size" in (caught.value.hint or "")
    assert len([each for each in asked if each.startswith("PATCH")]) == 1


def test_nobody_there(images: Images, small_image: Image, image_registry: Registry) -> None:
    with pytest.raises(ImagePushError, match="'localhost:9' cannot be reached"):
        images.push(small_image, "localhost:9/ml/echo:1")
    with pytest.raises(ImagePullError, match="does not exist in its registry"):
        images.base(f"{image_registry.address}/not-there:1", python_version="3.11")


def test_a_registry_that_comes_back_gets_the_rest(
    images: Images, image: Image, make_image_registry: Callable[..., Registry]
) -> None:
    registry = make_image_registry()
    place = f"{registry.address}/ml/echo:1"

    def interrupt() -> None:
        while not any(registry.directory.glob("storage/**/_uploads/*/data")):
            time.sleep(0.005)
        registry.stop()

    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(ImagePushError, match="cannot be reached"):
        images.push(image, place)
    killer.join()
    registry.start()
    assert images.push(image, place).startswith("sha256:")


def test_a_base_without_a_python_is_refused(
    images: Images, engine: Engine, docker_engine: TestEngine
) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("hello"))
    name = "mlmagic-tests/no-python"
    engine.client.api.import_image_from_data(archive.getvalue(), name, "1")
    try:
        with pytest.raises(ImagePullError, match=f"'{name}:1'.*Python"):
            images.base(f"{name}:1", python_version="3.11", engine=engine)
    finally:
        engine.client.images.remove(f"{name}:1", force=True)


@pytest.mark.docker
def test_a_push_is_the_same_with_an_engine_and_without(
    images: Images,
    engine: Engine,
    docker_engine: TestEngine,
    kit: ServiceKit,
    image_registry: Registry,
    unique: str,
) -> None:
    name = f"{image_registry.address}/{unique}/base"
    other = f"{image_registry.address}/{unique}/another"  # of the same image, compressed otherwise
    copy = ["skopeo", "copy", "-q", "--dest-compress-level", "1", "--dest-tls-verify=false"]
    copy += [f"docker-daemon:{docker_engine.base}", f"docker://{other}:1"]
    subprocess.run(copy, check=True)
    with ExitStack() as stack:
        engine.client.images.pull(other, "1")
        stack.callback(engine.client.images.remove, f"{other}:1")
        engine.client.api.tag(docker_engine.base, name, "1")
        stack.callback(engine.client.images.remove, f"{name}:1")
        engine.client.images.push(name, "1")
        pushed = []
        for used in (engine, None):
            base = images.base(f"{name}:1", python_version="3.11", engine=used)
            image = images.service(kit.spec(auth="none"), base)
            place = f"{image_registry.address}/{unique}/echo:{len(pushed)}"
            pushed.append((image.id, images.push(image, place)))
        assert pushed[0] == pushed[1]
