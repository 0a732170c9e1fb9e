"""Locks by the real uv from the real index."""

import http.server
import subprocess
import sys
import sysconfig
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from mlmagic.entities import Environment
from mlmagic.environments import Environments
from mlmagic.errors import EnvironmentSetupError
from tests.engine.serving import Serving

from .conftest import make_project


def given(environments: Environments, root: Path, *lines: str) -> Environment:
    return environments.from_requirements("given", lines, base=root)


def test_exact_versions_with_hashes(
    environments: Environments, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(root))
    monkeypatch.setenv("UV_FIND_LINKS", str(root))
    lock = environments.lock(given(environments, root, "six==1.16.0", "azureml-defaults"))
    assert lock.packages["six"] == "1.16.0"
    assert "uvicorn" in lock.packages
    assert "mlmagic" not in lock.text
    assert "://" not in lock.text
    assert str(root) not in lock.text
    assert not any(line.startswith("--") for line in lock.text.splitlines())
    assert lock.text.count("--hash=sha256:") >= len(lock.packages)
    assert lock.platform == sysconfig.get_platform()


def test_the_second_time_costs_nothing(
    environments: Environments, root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    first = environments.lock(given(environments, root, "six"), on_event=events.append)
    assert events == ["environment 'given': choosing versions"]
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    elsewhere = Environments(root / ".mlmagic/environments", cache, root)
    again = elsewhere.lock(given(elsewhere, root, "six"), on_event=events.append)
    assert again == first
    assert len(events) == 1


def test_a_damaged_record_is_made_again(environments: Environments, root: Path) -> None:
    first = environments.lock(given(environments, root, "six"))
    (record,) = (root / ".mlmagic/environments/locks").glob("*.json")
    record.write_text("{")
    assert environments.lock(given(environments, root, "six")) == first


def test_a_new_lock_without_network_uses_uvs_cache(
    environments: Environments, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments.lock(given(environments, root, "six"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    (record,) = (root / ".mlmagic/environments/locks").glob("*.json")
    record.unlink()
    assert "six" in environments.lock(given(environments, root, "six")).packages


def test_no_network_and_nothing_cached(
    environments: Environments, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(EnvironmentSetupError, match="Check the network and the index settings"):
        environments.lock(given(environments, root, "six"))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["six==99"], "there is no version of six==99"),
        (["mlmagic-test-that-is-nowhere"], "mlmagic-test-that-is-nowhere was not found"),
        (["uvicorn<0.20"], r"The scoring server itself needs 'uvicorn"),
    ],
)
def test_the_reason_in_one_line(
    environments: Environments, root: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(EnvironmentSetupError, match=message) as caught:
        environments.lock(given(environments, root, *lines))
    assert "\n" not in str(caught.value)
    assert "unsatisfiable" not in str(caught.value)


def test_the_kernels_versions_are_kept(environments: Environments) -> None:
    lock = environments.lock(
        Environment(name="x", requirements=("requests",), constraints=("idna==3.6", "six==1.0"))
    )
    assert lock.packages["idna"] == "3.6"
    assert "six" not in lock.packages


def test_kernel_versions_that_do_not_fit_are_named(environments: Environments) -> None:
    environment = Environment(
        name="x", requirements=("requests==2.32.3",), constraints=("idna==2.0", "certifi==2024.2.2")
    )
    for _ in range(2):  # the note belongs to the lock, cached or not
        events: list[str] = []
        lock = environments.lock(environment, on_event=events.append)
        assert lock.packages["certifi"] == "2024.2.2"
        assert any("idna==2.0" in event or "idna" in event for event in events)
        assert events[-1] == (
            f"environment 'x': idna {lock.packages['idna']} instead of the kernel's 2.0"
        )


def test_limits_of_a_file_hold(environments: Environments, root: Path) -> None:
    (root / "limits.txt").write_text("six<1.16\n")
    with pytest.raises(EnvironmentSetupError, match=r"six"):
        environments.lock(given(environments, root, "six>=1.16", "-c limits.txt"))


def test_another_python(environments: Environments) -> None:
    here = environments.lock(Environment(name="x", requirements=("six",)))
    other = "3.13" if here.python_version != "3.13" else "3.12"
    there = environments.lock(Environment(name="x", requirements=("six",), python_version=other))
    assert there.python_version == other
    assert there.identity != here.identity


def test_a_python_that_is_too_old(environments: Environments) -> None:
    with pytest.raises(EnvironmentSetupError, match=r"asks for Python '3.9'"):
        environments.lock(Environment(name="x", python_version="3.9"))


def test_local_wheels_and_folders(environments: Environments, root: Path) -> None:
    project = make_project(root / "lib", "mlmagic-test-lib", dependencies=("six",))
    subprocess.run(
        [uv.find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", root / "house", project],
        check=True,
    )
    (wheel,) = (root / "house").glob("*.whl")
    lock = environments.lock(given(environments, root, f"./house/{wheel.name}"))
    assert {"mlmagic-test-lib", "six"} <= set(lock.packages)
    linked = environments.lock(given(environments, root, "mlmagic-test-lib", "--find-links house"))
    assert linked.packages["mlmagic-test-lib"] == "0.1.0"
    assert str(root) not in lock.text + linked.text


class PrivateIndex(http.server.SimpleHTTPRequestHandler):
    """A simple index of one folder that asks for a password."""

    expected = "Basic " + b64encode(b"user:geheim").decode()

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != self.expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        return


@pytest.fixture
def private_index(tmp_path: Path) -> Iterator[str]:
    project = make_project(tmp_path / "secret", "mlmagic-test-secret")
    pages = tmp_path / "pages/mlmagic-test-secret"
    pages.mkdir(parents=True)
    subprocess.run(
        [uv.find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", pages, project], check=True
    )
    (wheel,) = pages.glob("*.whl")
    (pages / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')

    def handler(*arguments: object) -> PrivateIndex:
        return PrivateIndex(*arguments, directory=str(tmp_path / "pages"))  # type: ignore[arg-type]

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)  # type: ignore[arg-type]
    with Serving(server):
        yield f"127.0.0.1:{server.server_port}"


def test_a_private_index_with_a_password_from_the_environment(
    environments: Environments, root: Path, private_index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOUSE_TOKEN", "geheim")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    option = f"--extra-index-url http://user:${{HOUSE_TOKEN}}@{private_index}"
    lock = environments.lock(given(environments, root, option, "mlmagic-test-secret"))
    assert lock.index_options == (option,)
    assert "geheim" not in lock.text + "".join(
        path.read_text() for path in (root / ".mlmagic/environments/locks").iterdir()
    )
    python = environments.realise(lock)
    subprocess.run([python, "-c", "import mlmagic_test_secret"], check=True)
    assert python != Path(sys.executable)
