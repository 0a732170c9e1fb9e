"""How long things take here: ``python -m tests.benchmarks``. Printed, never judged."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPEATS = 5
TIMES = 15
LOAD = """
import time
begun = time.perf_counter()
%load_ext mlmagic
print((time.perf_counter() - begun) * 1000)
"""
SCRIPT = """
import json

import pandas as pd
from mlmagic.scoring import load_model


def init():
    global model
    model = load_model("diabetes")


def run(raw_data):
    return model.predict(pd.DataFrame(json.loads(raw_data)["data"])).tolist()  # {change}
"""


def load_extension() -> list[float]:
    """Milliseconds that ``%load_ext mlmagic`` adds, each time in a new kernel that is warm."""
    from jupyter_client.manager import start_new_kernel

    times = []
    for _ in range(REPEATS):
        manager, client = start_new_kernel(stderr=subprocess.DEVNULL)
        try:
            printed: list[str] = []
            client.execute_interactive("import pandas", timeout=120)
            client.execute_interactive(
                LOAD,
                timeout=120,
                output_hook=lambda message, lines=printed: lines.append(
                    message["content"].get("text", "")
                ),
            )
            times.append(float("".join(printed)))
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    return times


def commands(workspace: Any) -> Iterator[tuple[str, list[float]]]:
    """Milliseconds of commands in a shell, beside a Python that does nothing; the best of several.

    The best, because a machine that does other things beside adds to every other one.
    """
    script = Path("score.py")
    script.write_text("def init(): pass\n\n\ndef run(raw_data): return raw_data\n")
    workspace.deploy("listed", script=str(script), wait=True)
    # As after an installation: the modules are compiled.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def best(*words: str) -> float:
        command = [sys.executable, *words]
        return 1000 * min(
            seconds(lambda: subprocess.run(command, check=True, capture_output=True, env=variables))
            for _ in range(TIMES)
        )

    nothing = best("-c", "pass")
    yield "python -c pass", [nothing]
    for words, goal in (("--help", 150), ("service list", 400)):
        taken = best("-m", "mlmagic", *words.split())
        ratio = f"{taken / nothing:.1f} times that"
        yield f"mlmagic {words} (goal {goal} ms), {ratio}", [taken]


def realise(workspace: Any, *, again: bool) -> list[float]:
    """Seconds to make the environment of the script, or to find that it is there."""
    environments = workspace.environments
    environment = environments.capture({"pandas"}, requirements=("scikit-learn", "skops"), name="b")
    lock = environments.lock(environment)
    if not again:
        return [seconds(lambda: environments.realise(lock))]
    return [seconds(lambda: environments.realise(lock)) for _ in range(REPEATS)]


def deploy(workspace: Any) -> Iterator[tuple[str, list[float]]]:
    """Seconds from a cell to Healthy, in an environment that is there already."""

    def cell(change: str) -> None:
        workspace.capture_script(SCRIPT.format(change=change), models=("diabetes",), trial=False)
        workspace.deploy("bench", models=("diabetes",), script="score.py", wait=True)

    yield "cell -> Healthy, a new service", [seconds(lambda: cell("0"))]
    changed = [seconds(lambda n=n: cell(f"{n + 1}")) for n in range(REPEATS)]
    yield "cell -> Healthy, script changed (goal 2 s)", changed
    same = [seconds(lambda: cell(f"{REPEATS}")) for _ in range(REPEATS)]
    yield "cell -> Healthy, nothing changed", same


@contextmanager
def scratch_workspace() -> Iterator[Any]:
    """A workspace with a registered model, and a cache of environments that is empty."""
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge

    from mlmagic import Workspace

    with tempfile.TemporaryDirectory(prefix="mlmagic-bench-") as folder:
        os.chdir(folder)
        settings = {"cache_directory": Path(folder) / "cache"}
        workspace = Workspace(folder, settings=settings)
        rows, target = load_diabetes(return_X_y=True, as_frame=True)
        workspace.register_model(
            Ridge(alpha=0.5).fit(rows, target), name="diabetes", sample=rows.head(2)
        )
        try:
            yield workspace
        finally:
            for service in workspace.list_services():
                service.delete()
            os.chdir("/")


def seconds(action: Callable[[], Any]) -> float:
    """Return how long an action takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def tell(what: str, values: list[float], unit: str = "s") -> None:
    """Print a line: the median, and the spread of several."""
    spread = f"{min(values):.3f}-{max(values):.3f}, {len(values)} times" if len(values) > 1 else ""
    sys.stdout.write(f"{what:<60} {statistics.median(values):8.3f} {unit:<2}  {spread}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    tell("%load_ext mlmagic in a warm kernel (goal 150 ms)", load_extension(), "ms")
    with scratch_workspace() as workspace:
        for what, times in commands(workspace):
            tell(what, times, "ms")
        tell("environment realised, cold (uv's cache warm)", realise(workspace, again=False))
        tell("environment realised, warm", realise(workspace, again=True))
        for what, times in deploy(workspace):
            tell(what, times)


if __name__ == "__main__":
    main()
