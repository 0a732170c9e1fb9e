"""What is not needed yet is not loaded yet."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "alembic", "anywidget", "docker", "ipywidgets", "jsonschema", "kubernetes", "nbclient", "numpy",
    "oras", "pandas", "papermill", "psutil", "skops", "sklearn", "sqlalchemy", "uvicorn",
}  # fmt: skip


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh Python has after some code, beyond those it had before."""
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(answer.stdout.splitlines()[-1])}


def test_import_loads_nothing_heavy_and_no_ipython():
    assert not loaded_by("import mlmagic") & (HEAVY | {"IPython", "msgspec", "yaml"})


def test_the_extension_loads_nothing_heavy():
    shell = "from IPython.testing.globalipapp import start_ipython\nshell = start_ipython()"
    before = loaded_by(shell)
    after = loaded_by(f"{shell}\nshell.run_line_magic('load_ext', 'mlmagic')")
    assert not (after - before) & HEAVY
    assert "mlmagic" in after


def test_help_loads_the_option_table_alone():
    loaded = loaded_by("from mlmagic.cli import main\nmain(['--help'])")
    assert not loaded & (HEAVY | {"IPython", "asyncio", "email", "msgspec", "packaging", "yaml"})


@pytest.mark.parametrize("module", ["mlmagic.entities", "mlmagic.errors", "mlmagic.options"])
def test_what_everybody_imports_loads_nothing_heavy(module):
    assert not loaded_by(f"import {module}") & (HEAVY | {"IPython"})


def test_a_deployment_into_a_container_loads_nothing_that_locks():
    assert not loaded_by("import mlmagic.targets.docker.__main__") & {"filelock", "packaging"}


def test_an_image_that_goes_to_no_registry_loads_no_client_of_one():
    loaded = loaded_by("import mlmagic.images.engine, mlmagic.images.images")
    assert not loaded & {"jsonschema", "oras"}


def test_the_scoring_server_loads_nothing_of_jupyter():
    assert not loaded_by("import mlmagic.scoring") & (HEAVY | {"IPython", "traitlets"})
