"""A real PostgreSQL and a real S3 server for the tests: started here, ended here."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSITYGW = Path(os.environ.get("VERSITYGW_BIN", "/var/cache/mlmagic/bin")) / "versitygw"


def lacking(what: str, reason: str) -> None:
    """Skip with a reason; fail where ``MLMAGIC_REQUIRE`` asks for it."""
    if what in os.environ.get("MLMAGIC_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    for _ in range(2400):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert process is None or process.poll() is None, "the server ended at once"
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


@dataclass
class PostgreSQL:
    """A cluster of our own.

    Attributes:
        programs: Where ``initdb`` and ``pg_ctl`` are.
        folder: Its data and its socket.
    """

    programs: Path
    folder: Path
    port: int
    count: int = 0

    def database(self) -> str:
        """Make an empty database; returns its SQLAlchemy URL."""
        self.count += 1
        name = f"models{self.count}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "mlmagic", name)
        return f"postgresql://mlmagic@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        # The processes are killed in tests, the machine is not: what they wrote is there.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off"
        log = self.folder / "log"
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-m", "immediate", "stop")

    def create(self) -> None:
        data = self.folder / "data"
        self._run("initdb", "-D", data, "-U", "mlmagic", "--auth=trust", "--no-sync", "-E", "UTF8")

    def _run(self, program: str, *words: object) -> None:
        command = [str(self.programs / program), *map(str, words)]
        if os.geteuid() == 0:  # the server refuses to be run by root
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C"},
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout)


@contextmanager
def run_postgresql() -> Iterator[PostgreSQL]:
    """Start a cluster on a free port, and remove it at the end."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # Debian's, not on the path
    if not found:
        lacking("postgresql", "no PostgreSQL: install Debian's package 'postgresql'")
    # Its socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        server = PostgreSQL(found[-1], folder, free_port())
        server.create()
        server.start()
        try:
            yield server
        finally:
            with suppress(AssertionError):  # a test may have left it stopped
                server.stop()


@dataclass
class S3:
    """An S3 server on a folder; a bucket is a folder in it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    count: int = 0
    key: str = "mlmagic-tests"
    secret: str = "mlmagic-tests-secret"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def bucket(self) -> str:
        """Make an empty bucket; returns the URL of a folder in it."""
        self.count += 1
        (self.folder / "buckets" / f"models{self.count}").mkdir()
        return f"s3://models{self.count}/ml"

    def objects(self, url: str) -> list[Path]:
        """The files that are the objects below a URL."""
        below = self.folder / "buckets" / url.removeprefix("s3://") / "sha256"
        return sorted(path for path in below.glob("??/*") if path.is_file())

    def parts(self, url: str) -> list[Path]:
        """The files that hold parts of uploads that nobody completed or took back."""
        bucket = self.folder / "buckets" / url.removeprefix("s3://").partition("/")[0]
        return sorted(path for path in bucket.glob(".sgwtmp/multipart/**/*") if path.is_file())

    def start(self) -> None:
        access = ["--access", self.key, "--secret", self.secret]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [VERSITYGW, *access, "--port", f"127.0.0.1:{self.port}", "posix", "buckets"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for_port(self.port, self.process)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def run_s3() -> Iterator[S3]:
    """Start a server on a free port, and remove it at the end."""
    if not os.access(VERSITYGW, os.X_OK):
        lacking("s3", f"no S3 server '{VERSITYGW}': run tests/registry/build-versitygw")
    # It keeps the facts of objects in extended attributes, which some /tmp have not.
    with tempfile.TemporaryDirectory(prefix="s3-") as name:
        server = S3(Path(name), free_port())
        (server.folder / "buckets").mkdir()
        server.start()
        try:
            yield server
        finally:
            server.stop()
