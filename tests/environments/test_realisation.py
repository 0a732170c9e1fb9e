"""Virtual environments made by the real uv: complete or not there at all."""

import dataclasses
import hashlib
import io
import resource
import signal
import socket
import subprocess
import sys
import sysconfig
import tarfile
import threading
import zipfile
from pathlib import Path

import psutil
import pytest

from mlmagic.cancelling import Cancellation
from mlmagic.entities import Lock
from mlmagic.environments import Environments
from mlmagic.errors import CancelledError, EnvironmentSetupError
from mlmagic.files import write_record

from .conftest import make_project


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> Lock:
    root = tmp_path_factory.mktemp("locked")
    environments = Environments(root / "environments", root / "cache", root)
    return environments.lock(environments.from_requirements("tiny", ["six"], base=root))


def command(lock: Lock, cache: Path) -> list[str]:
    record = cache.parent / "lock.json"
    write_record(record, lock)
    return [
        sys.executable,
        "-m",
        "mlmagic.environments",
        "realise",
        str(record),
        "--cache",
        str(cache),
    ]


def contents(cache: Path) -> list[str]:
    """What lies in the cache, but for the lock files."""
    return sorted(
        path.name for path in (cache / "environments").iterdir() if path.suffix != ".lock"
    )


def test_an_environment_is_made_once(
    environments: Environments, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    events: list[str] = []
    assert not environments.is_realised(lock)
    python = environments.realise(lock, on_event=events.append)
    assert environments.is_realised(lock)
    assert python == environments.python(lock) == environments.path(lock) / "bin/python"
    assert events[0].startswith(f"environment {lock.short}: making (Python")
    assert events[-1].startswith(f"environment {lock.short}: ready in")
    code = "import six, sys; print(six.__file__, six.__cached__, sys.prefix)"
    result = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    source, compiled, prefix = result.stdout.split()
    assert Path(source).is_relative_to(environments.path(lock))
    assert Path(compiled).exists()
    assert prefix == str(environments.path(lock))
    subprocess.run([python.with_name("uvicorn"), "--version"], check=True, capture_output=True)
    code = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
    result = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    assert sorted(result.stdout.split()) == sorted(lock.packages), "nothing but the lock is in it"
    again: list[str] = []
    assert environments.realise(lock, on_event=again.append) == python
    assert again == []


def test_offline_with_a_warm_cache(
    environments: Environments, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments.realise(lock)
    environments.prune(used=())
    assert not environments.is_realised(lock)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    environments.realise(lock)
    assert environments.is_realised(lock)


def test_offline_with_a_cold_cache(
    environments: Environments,
    lock: Lock,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(EnvironmentSetupError, match="Check the network"):
        environments.realise(lock)
    assert contents(cache) == []


def test_a_file_that_is_not_the_locked_one(
    environments: Environments, lock: Lock, cache: Path
) -> None:
    bad = dataclasses.replace(lock, text=broken(lock.text), identity="0" * 64)
    with pytest.raises(EnvironmentSetupError, match="Hash mismatch for `six"):
        environments.realise(bad)
    assert contents(cache) == []


def broken(text: str) -> str:
    """The lock with other hashes for six."""
    start = text.index("six==")
    lines = text[start:].splitlines()
    return text[:start] + f"{lines[0]}\n    --hash=sha256:{'0' * 64}\n"


def test_an_old_version_that_cannot_be_built_is_told_with_the_next_that_has_a_wheel(
    environments: Environments, tmp_path: Path
) -> None:
    system = '[build-system]\nrequires = []\nbackend-path = ["."]\nbuild-backend = "backend"\n'
    facts = "Metadata-Version: 2.1\nName: aged\nVersion: {}\n"
    with tarfile.open(tmp_path / "aged-1.0.tar.gz", "w:gz") as sdist:
        for name, text in (
            ("PKG-INFO", facts.format("1.0")),
            ("pyproject.toml", system),
            ("backend.py", "def build_wheel(*_):\n    raise RuntimeError('too old')\n"),
        ):
            entry = tarfile.TarInfo(f"aged-1.0/{name}")
            entry.size = len(text)
            sdist.addfile(entry, io.BytesIO(text.encode()))
    for version in ("1.2", "1.3"):
        with zipfile.ZipFile(tmp_path / f"aged-{version}-py3-none-any.whl", "w") as wheel:
            place = f"aged-{version}.dist-info"
            wheel.writestr(f"{place}/METADATA", facts.format(version))
            wheel.writestr(f"{place}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{place}/RECORD", "")
    digest = hashlib.sha256((tmp_path / "aged-1.0.tar.gz").read_bytes()).hexdigest()
    lock = Lock(
        identity="a" * 64,
        text=f"aged==1.0 --hash=sha256:{digest}\n",
        python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
        platform=sysconfig.get_platform(),
        index_options=("--no-index", f"--find-links {tmp_path}"),
    )
    with pytest.raises(EnvironmentSetupError, match=r"'aged==1\.2' is the next version"):
        environments.realise(lock)


def test_a_python_that_this_machine_lacks(
    environments: Environments, lock: Lock, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    other = dataclasses.replace(lock, python_version="3.99")
    with pytest.raises(EnvironmentSetupError, match=r"needs Python 3\.99, which is not installed"):
        environments.realise(other)
    assert contents(cache) == []


def test_a_commit_is_its_own_hash(environments: Environments, root: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "repository", "mlmagic-test-git")
    git = ["git", "-C", str(project), "-c", "user.name=t", "-c", "user.email=t@t.example"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    head = [*git, "rev-parse", "HEAD"]
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    address = f"git+file://{project}@{commit}"
    given = environments.from_requirements("x", [f"mlmagic-test-git @ {address}"], base=root)
    lock = environments.lock(given)
    assert lock.packages["mlmagic-test-git"] == address
    python = environments.realise(lock)
    subprocess.run([python, "-c", "import mlmagic_test_git, uvicorn"], check=True)


def test_two_processes_at_once(environments: Environments, lock: Lock, cache: Path) -> None:
    arguments = command(lock, cache)
    both = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [output.count(": making (") for output in outputs] in ([0, 1], [1, 0])
    assert {output.splitlines()[-1] for output in outputs} == {str(environments.python(lock))}
    assert contents(cache) == [lock.identity]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_in_the_middle(
    environments: Environments, lock: Lock, cache: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(command(lock, cache), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert ": making (" in process.stdout.readline()
    process.send_signal(number)
    process.communicate()
    assert process.returncode != 0
    assert not environments.is_realised(lock)
    if number != signal.SIGKILL:
        assert contents(cache) == []
    environments.realise(lock)
    assert lock.identity in contents(cache)
    subprocess.run([environments.python(lock), "-c", "import six"], check=True)


def test_cancelled_while_uv_installs(
    environments: Environments, lock: Lock, cache: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))  # nothing is there yet
    work = Cancellation(CancelledError("It was cancelled."))
    before = psutil.Process().children()  # other tests' servers
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")

        def cancel() -> None:
            silent.accept()[0].close()  # uv asks for a package
            work.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        with work, pytest.raises(CancelledError):
            environments.realise(lock)
        thread.join()
    assert contents(cache) == []
    assert psutil.Process().children() == before


def test_a_disk_that_is_full(environments: Environments, lock: Lock, cache: Path) -> None:
    arguments = command(lock, cache)

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    result = subprocess.run(
        arguments, preexec_fn=no_room, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert contents(cache) == []
    environments.realise(lock)
    subprocess.run([environments.python(lock), "-c", "import six"], check=True)


def test_the_reason_is_one_line(lock: Lock, cache: Path, tmp_path: Path) -> None:
    cache.mkdir()
    (cache / "environments").write_text("in the way")
    result = subprocess.run(command(lock, cache), capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"cannot be written to '{cache / 'environments'}'" in result.stderr


def test_a_lock_record_that_is_missing(cache: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "mlmagic.environments", "realise", str(tmp_path / "no.json")]
    result = subprocess.run(
        [*arguments, "--cache", str(cache)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "no.json" in result.stderr


def test_a_base_python_that_is_gone(environments: Environments, lock: Lock) -> None:
    python = environments.realise(lock)
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert not environments.is_realised(lock)
    environments.realise(lock)
    subprocess.run([python, "-c", "import six"], check=True)


def test_who_uses_what(environments: Environments, lock: Lock, cache: Path, tmp_path: Path) -> None:
    other_root = tmp_path / "other"
    (other_root / ".mlmagic").mkdir(parents=True)
    other = Environments(other_root / ".mlmagic/environments", cache, other_root)
    assert environments.lock(environments.from_requirements("tiny", ["six"], base=cache)) == lock
    environments.realise(lock)
    other.realise(lock)
    entry = environments.show(lock.short, services={lock.identity: ["iris"]})
    assert (entry.name, entry.kind, entry.realised) == ("tiny", "captured", True)
    assert entry.used_by == ("iris", str(other_root))
    assert entry.packages["six"]
    assert entry.size
    assert entry.last_used
    assert environments.prune(used=[lock.identity]).removed == ()
    assert environments.prune(used=()).kept == (lock.identity,), "the other workspace uses it"
    plan = other.prune(used=(), dry_run=True)
    assert plan.removed == (lock.identity,)
    assert plan.freed > 0
    assert other.is_realised(lock)
    assert other.prune(used=()).removed == (lock.identity,)
    assert contents(cache) == []


def test_an_environment_that_runs_is_not_pruned(environments: Environments, lock: Lock) -> None:
    python = environments.realise(lock)
    with subprocess.Popen([python, "-c", "input()"], stdin=subprocess.PIPE) as kernel:
        assert environments.prune(used=()).kept == (lock.identity,)
        kernel.communicate(b"\n")
    assert environments.prune(used=()).removed == (lock.identity,)


def test_workspaces_that_are_gone_use_nothing(
    environments: Environments, lock: Lock, root: Path, cache: Path
) -> None:
    environments.realise(lock)
    other = Environments(root / "x", cache, root / "elsewhere")
    (root / ".mlmagic").rename(root / "gone")
    assert other.prune(used=()).removed == (lock.identity,)


def test_leftovers_of_killed_builds_are_swept(environments: Environments, cache: Path) -> None:
    (cache / f"environments/.{'1' * 64}.building-x/env").mkdir(parents=True)
    environments.prune(used=())
    assert not list((cache / "environments").glob("*.building-*"))
