"""wrk, and what it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Load:
    """What one run of wrk measured; latencies in milliseconds."""

    per_second: float
    p50: float
    p99: float
    errors: int


def wrk(url: str, body: bytes, *, connections: int, seconds: float) -> Load:
    """Post a body as fast as answers come.

    Raises:
        FileNotFoundError: wrk is not installed.
    """
    if shutil.which("wrk") is None:
        raise FileNotFoundError("wrk is missing: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write('wrk.method = "POST"\n')
        script.write(f"wrk.body = {_lua(body)}\n")
        script.write('wrk.headers["Content-Type"] = "application/json"\n')
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency"]
        command += ["--timeout", "30s", "-s", script.name, url]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    broken = re.search(r"Socket errors: .* read (\d+), write (\d+), timeout (\d+)", out)
    errors = int(refused[1]) if refused else 0
    errors += sum(map(int, broken.groups())) if broken else 0
    return Load(
        float(_found(r"Requests/sec:\s+([\d.]+)", out)[1]),
        _time("50", out),
        _time("99", out),
        errors,
    )


def _lua(body: bytes) -> str:
    text = body.decode("ascii")
    assert json.loads(text) is not None
    return f"[==[{text}]==]"


def _found(pattern: str, text: str) -> re.Match[str]:
    match = re.search(pattern, text)
    assert match is not None, text
    return match


def _time(percentile: str, text: str) -> float:
    match = _found(rf"{percentile}%\s+([\d.]+)(us|ms|s|m)\b", text)
    return float(match[1]) * _UNITS[match[2]]


def debian_version() -> str:
    """Return wrk's version line."""
    told = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return (told.stdout + told.stderr).splitlines()[0].partition(" Copyright")[0]


def kernel() -> str:
    """Return the machine's processor and kernel."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*: (.*)", cpuinfo.read_text())
        model = found[1] if found else model
    return model
