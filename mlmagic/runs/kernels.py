"""The kernel of a run: an installed one, or one made from a locked environment."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpecManager

from mlmagic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOCKED = "mlmagic-locked"


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Which kernel runs a notebook.

    Attributes:
        name: Its name; None takes the notebook's.
        specs: Where the name is looked up.
    """

    name: str | None
    specs: KernelSpecManager


@contextmanager
def choose_kernel(
    folder: Path, name: str | None, environment: str | None, tell: Callable[[str], None]
) -> Iterator[Kernel]:
    """Choose an installed kernel, or make one from an environment of the notebook's workspace.

    Args:
        folder: Where the notebook runs.
        name: Name of an installed kernel; None takes the notebook's.
        environment: The environment; see `run_notebook`.
        tell: Receives lines of progress.

    Raises:
        UsageError: Both are named.
        EnvironmentNotFoundError: There is no such environment.
        EnvironmentSetupError: It cannot be made.
    """
    if environment is None:
        yield Kernel(name=name, specs=KernelSpecManager())
        return
    if name is not None:
        raise UsageError(
            f"The kernel '{name}' and the environment '{environment}' exclude each other.",
            hint="An environment brings its own kernel: leave --kernel out.",
        )
    with tempfile.TemporaryDirectory(prefix="mlmagic-kernel-") as scratch:
        made = Path(scratch) / _LOCKED
        made.mkdir()
        (made / "kernel.json").write_text(json.dumps(_spec(folder, environment, tell)), "utf-8")
        specs = KernelSpecManager()
        specs.kernel_dirs = [scratch]
        yield Kernel(name=_LOCKED, specs=specs)


def _spec(folder: Path, environment: str, tell: Callable[[str], None]) -> dict[str, Any]:
    from mlmagic.workspace import Workspace
    from mlmagic.workspace.roots import find_root

    workspace = Workspace(find_root(folder))
    python, package = workspace.realise_for_notebooks(environment, base=folder, on_event=tell)
    return {
        "display_name": environment,
        "language": "python",
        "metadata": {"supported_encryption": "curve"},
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "env": {
            "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": str(package),
            "VIRTUAL_ENV": str(python.parent.parent),
        },
    }
