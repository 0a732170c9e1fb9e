"""Notebooks behind addresses, by the handlers of papermill."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import nbformat
import pytest

from mlmagic.errors import MlmagicError, UsageError
from mlmagic.runs import run_notebook
from mlmagic.runs.preparing import output_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def storage(
    kept: dict[str, bytes], busy: Callable[[bytes], bool] = lambda _: False
) -> Iterator[str]:
    """A store on loopback, which takes and gives whole files, unless it is busy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = kept.get(self.path.partition("?")[0])
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b'{"message": "no such file"}')

        def do_PUT(self) -> None:
            allowed = "readonly" not in self.path
            content = self.rfile.read(int(self.headers["Content-Length"]))
            available = not busy(content)
            if allowed and available:
                kept[self.path.partition("?")[0]] = content
            self.send_response(503 if not available else 204 if allowed else 403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_notebook_is_read_from_an_address_and_written_to_one(write_notebook, tmp_path):
    cells = ("rows = 1", ["parameters"]), "import os\nprint(rows, os.getcwd())"
    work = write_notebook(*cells).read_bytes()
    folder = tmp_path / "here"
    folder.mkdir()
    kept = {"/work.ipynb": work, "/night.yaml": b"rows: 3"}
    with storage(kept) as url:
        result = run_notebook(
            f"{url}/work.ipynb?sig=s3cret",
            f"{url}/out.ipynb?sig=s3cret",
            parameters_file=f"{url}/night.yaml",
            cwd=folder,
            result=tmp_path / "result.json",
            junit=tmp_path / "junit.xml",
        )
    assert (result.exit_code, result.parameters) == (0, {"rows": 3})
    assert (result.notebook, result.output) == (f"{url}/work.ipynb", f"{url}/out.ipynb")
    executed = nbformat.reads(kept["/out.ipynb"].decode(), as_version=4)
    assert executed.cells[-1].outputs[0].text == f"3 {folder}\n"
    told = kept["/out.ipynb"].decode() + (tmp_path / "result.json").read_text() + result.summary()
    assert "s3cret" not in told
    assert 'name="work.ipynb"' in (tmp_path / "junit.xml").read_text()


def test_a_store_that_is_busy_for_a_while_loses_nothing(write_notebook, tmp_path):
    work = write_notebook("print('fir' + 'st')", "print('sec' + 'ond')")
    kept, told = {}, []
    with storage(kept, lambda it: b"first" in it and b"second" not in it) as url:
        result = run_notebook(work, f"{url}/out.ipynb", progress=told.append)
    assert result.exit_code == 0
    assert b"second" in kept["/out.ipynb"]
    assert [line for line in told if "503" in line][1:] == []


def test_a_run_whose_notebook_is_lost_is_concluded_and_told(write_notebook, tmp_path):
    work = write_notebook("print('fir' + 'st')", "1 / 0")
    with (
        storage({}, lambda it: b"first" in it) as url,
        pytest.raises(MlmagicError, match=r"was not saved: '.*out\.ipynb' .*503") as lost,
    ):
        run_notebook(
            work,
            f"{url}/out.ipynb",
            result=tmp_path / "result.json",
            junit=tmp_path / "junit.xml",
        )
    assert not isinstance(lost.value, UsageError)
    assert json.loads((tmp_path / "result.json").read_text())["failure"]["ename"] == (
        "ZeroDivisionError"
    )
    assert "ZeroDivisionError" in (tmp_path / "junit.xml").read_text()


def test_where_an_executed_notebook_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address = "s3://bucket/jobs/night.ipynb"
    assert output_place(address, None) == tmp_path / "night.executed.ipynb"
    assert output_place(address, tmp_path) == tmp_path / "night.ipynb"
    assert output_place(address, "s3://bucket/done/") == "s3://bucket/done/night.ipynb"
    assert output_place(tmp_path / "a.ipynb", "gs://b/c.ipynb") == "gs://b/c.ipynb"
    with pytest.raises(UsageError, match="would replace"):
        output_place(address, address)


def test_what_a_store_refuses_is_told_without_secrets(write_notebook):
    kept = {"/work.ipynb": write_notebook("1").read_bytes()}
    with storage(kept) as url:
        with pytest.raises(UsageError, match=r"/gone.ipynb' cannot be read: .*404") as told:
            run_notebook(f"{url}/gone.ipynb?sig=s3cret")
        assert "s3cret" not in f"{told.value}"
        with pytest.raises(UsageError, match=r"/gone.json' cannot be read: .*404"):
            run_notebook(f"{url}/work.ipynb", parameters_file=f"{url}/gone.json")
        with pytest.raises(UsageError, match=r"/readonly.ipynb' cannot be written: .*403") as told:
            run_notebook(f"{url}/work.ipynb", f"{url}/readonly.ipynb?sig=s3cret")
    assert "s3cret" not in f"{told.value}"
    with pytest.raises(UsageError, match=r"'s3x://bucket/a\.ipynb' cannot be read"):
        run_notebook("s3x://bucket/a.ipynb")
