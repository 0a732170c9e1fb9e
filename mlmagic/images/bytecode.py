"""Compiled Python in images: the same bytes each time, valid whatever the files' times are.

What marshal writes for a file depends on what the same process compiled before. So the files are
parted the same way on every machine, and each part is compiled in order by a fresh process.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import MAGIC_NUMBER
from typing import TYPE_CHECKING

from mlmagic.environments.uv_command import clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PARTS = 8
_TESTS = re.compile(r"/_?tests?/")
_TIMEOUT = 1800
_PROGRAM = """
import importlib.util, sys
print("%d.%d" % sys.version_info[:2], importlib.util.MAGIC_NUMBER.hex())
"""


@cache
def find_compiler(python_version: str) -> tuple[str, str] | None:
    """Find an interpreter of this machine that compiles for a Python version.

    Returns:
        The program and its magic number, which names the form of its compiled files; None where
        there is none of this version.
    """
    if python_version == f"{sys.version_info.major}.{sys.version_info.minor}":
        # Starting a Python to ask it what this one knows takes longer than an edit should.
        return (sys.executable, MAGIC_NUMBER.hex()) if sys.executable else None
    program = shutil.which(f"python{python_version}")
    if program is None:
        return None
    try:
        said = subprocess.run(
            [program, "-I", "-c", _PROGRAM], check=True, capture_output=True, text=True, timeout=60
        ).stdout.split()
    except (OSError, subprocess.SubprocessError):  # such as a shim of a version manager
        return None
    return (program, said[1]) if said[0] == python_version else None


def sources_in(folder: Path) -> list[Path]:
    """List what is worth compiling below a folder, tests left out, in an order that is the same."""
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if not _TESTS.search(f"/{path.relative_to(folder).as_posix()}")
    ]


def compile_files(files: Sequence[Path], root: Path, *, program: str, prefix: str) -> None:
    """Compile files in place, to ``__pycache__``.

    Args:
        files: What to compile, in an order that is always the same.
        root: The folder that they lie in.
        program: The interpreter.
        prefix: Where the folder will lie in the image, for tracebacks.
    """
    parts = [files[index::_PARTS] for index in range(_PARTS)]

    def run(part: Sequence[Path]) -> None:
        command = [
            *(program, "-I", "-m", "compileall", "-qq", "-i", "-"),
            *("--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", prefix),
        ]
        # A file that does not compile is one that cannot be imported either: no reason to stop.
        subprocess.run(
            command,
            input="\n".join(map(str, part)),
            text=True,
            check=False,
            capture_output=True,
            timeout=_TIMEOUT,
            env={**clean_environment(), "PYTHONHASHSEED": "0"},
        )

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(run, [part for part in parts if part]))
