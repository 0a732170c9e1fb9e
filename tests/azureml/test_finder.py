"""Unchanged imports: where they lead, and what is said where they cannot."""

from __future__ import annotations

import subprocess
import sys

import pytest


def python(code: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **options
    )


def test_classes_exist_once_under_both_names():
    answer = python(
        "from mlmagic.azureml.finder import provide; provide(); provide()\n"
        "import azureml.core, azureml.core.model as model\n"
        "from azureml.core.webservice.local import LocalWebservice\n"
        "import mlmagic.azureml.core.webservice as ours\n"
        "assert azureml.core.Model is model.Model\n"
        "assert LocalWebservice is ours.LocalWebservice\n"
        "from azureml.core import Dataset, Datastore\n"
        "from azureml.core.compute.aks import AksCompute\n"
        "from azureml.core.compute.amlcompute import AmlCompute\n"
        "from azureml.core.image.container import ContainerImage\n"
        "assert azureml.core.compute.AksCompute is AksCompute\n"
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("name", "missing", "way"),
    [
        ("pipeline.steps", "pipeline", "mlmagic run"),
        ("core.keyvault", "core.keyvault", "mlmagic deploy --secret"),
        ("contrib.services.aml_request", "contrib.services", "inside a service"),
        ("monitoring", "monitoring", "inside a service"),
    ],
)
def test_a_package_that_is_not_here_says_what_is(name, missing, way):
    answer = python(
        f"from mlmagic.azureml.finder import provide; provide()\nimport azureml.{name}\n"
    )
    wanted = f"ModuleNotFoundError: No module named 'azureml.{missing}' in mlmagic."
    assert wanted in answer.stderr
    assert way in answer.stderr


def test_the_clouds_own_sdk_is_a_conflict(tmp_path):
    home = tmp_path / "azureml_core-1.61.0.dist-info"
    home.mkdir()
    (home / "METADATA").write_text("Metadata-Version: 2.1\nName: azureml-core\nVersion: 1.61.0\n")
    (tmp_path / "script.py").write_text("print('ran')")
    answer = subprocess.run(
        [sys.executable, "-m", "mlmagic.azureml", "script.py"],
        env={"PYTHONPATH": str(tmp_path), "PATH": ""}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 1
    assert "error: 'azureml-core' 1.61.0 is installed here" in answer.stderr
    assert "pip uninstall azureml-core" in answer.stderr


def test_other_packages_of_azureml_stay_reachable(tmp_path):
    (tmp_path / "azureml" / "monitoring").mkdir(parents=True)
    (tmp_path / "azureml" / "monitoring" / "__init__.py").write_text("NAME = 'theirs'")
    answer = python(
        "from mlmagic.azureml.finder import provide; provide()\n"
        "import azureml.core, azureml.monitoring\nprint(azureml.monitoring.NAME)",
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )
    assert answer.stdout.strip() == "theirs", answer.stderr


def test_a_notebook_needs_one_line():
    answer = python(
        "from IPython.testing.globalipapp import start_ipython\n"
        "shell = start_ipython()\n"
        "shell.run_line_magic('load_ext', 'mlmagic.azureml')\n"
        "from azureml.core import Workspace\n"
        "assert 'deploy' in shell.magics_manager.magics['line']\n"
    )
    assert answer.returncode == 0, answer.stderr


def test_the_scripts_arguments_are_its_own(tmp_path):
    (tmp_path / "beside.py").write_text("WORD = 'beside'")
    (tmp_path / "script.py").write_text("import sys, beside\nprint(beside.WORD, sys.argv)")
    answer = subprocess.run(
        [sys.executable, "-m", "mlmagic.azureml", "script.py", "--rate", "1"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.stdout.strip() == "beside ['script.py', '--rate', '1']"
