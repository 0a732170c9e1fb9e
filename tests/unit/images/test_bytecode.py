"""Which interpreter compiles for an image, and what its compiled files are called by."""

from __future__ import annotations

import subprocess
import sys

from mlmagic.images.bytecode import find_compiler


def test_the_running_python_knows_what_it_would_say_itself() -> None:
    code = "import importlib.util, sys; print('%d.%d' % sys.version_info[:2], end=' ');"
    code += "print(importlib.util.MAGIC_NUMBER.hex())"
    answer = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True)
    version, magic = answer.stdout.decode().split()
    assert find_compiler(version) == (sys.executable, magic)


def test_a_python_that_is_not_there_compiles_nothing() -> None:
    assert find_compiler("3.2") is None
