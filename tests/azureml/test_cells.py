"""Lines of v1's notebooks, as the extension runs them."""

from __future__ import annotations

import pytest

import mlmagic.azureml


@pytest.mark.parametrize(
    ("cell", "ours"),
    [
        ("!pip install azureml-sdk --upgrade", "# !pip install azureml-sdk --upgrade"),
        ("%pip install -q azureml-widgets pandas", "%pip install -q pandas"),
        ("!pip install azureml-monitoring", None),
        ("!pip install my-azureml-tools pandas", None),
        ("!pip install -r azureml-requirements.txt", None),
        ("!pip install git+https://github.com/Azure/azureml-examples pandas", None),
        ("!pip install pandas -e ./azureml-helpers", None),
        ("!pip install pandas -q > azureml-log.txt", None),
        ("!pip install pandas > azureml-log && echo azureml-core", None),
        ("!pip install pandas | tee azureml-log", None),
        ("!conda install -y -n azureml-env pandas", None),
        (
            "!pip install azureml-sdk azureml-inference-server-http pandas",
            "!pip install azureml-inference-server-http pandas",
        ),
        ("%pip install azureml-monitoring azureml-core", "%pip install azureml-monitoring"),
        ("%pip install azureml-train azureml-core six", "%pip install six"),
        ("!pip install --timeout 100 azureml-sdk", "# !pip install --timeout 100 azureml-sdk"),
        ("!pip install azureml-core six -q 2>&1 | tail -1", "!pip install six -q 2>&1 | tail -1"),
        ('!bash -c "pip install azureml-core"', '# !bash -c "pip install azureml-core"'),
        (
            "x = !az ml model list --query '[0].id'",
            "x = !mlmagic --as-az model list --query '[0].id'",
        ),
        ("!az ml model profile -n p", "!mlmagic --as-az model profile -n p"),
        (
            "%%bash\naz ml service delete -n a \\\n --yes",
            "%%bash\nmlmagic --as-az service delete -n a \\\n --yes",
        ),
        ("print('az ml is gone')", None),
        ('text = """\n!az ml model list\n!pip install azureml-sdk\n"""', None),
    ],
)
def test_a_notebook_with_the_extension_runs_our_command_and_installs_no_sdk(cell, ours):
    assert "".join(mlmagic.azureml._for_ours(cell.splitlines(keepends=True))) == (ours or cell)


def test_what_is_not_installed_is_told_once(capsys):
    for _ in range(2):
        mlmagic.azureml._for_ours(["!pip install six azureml-only-here==1\n"])
    assert capsys.readouterr().err == (
        "'azureml-only-here' is not installed: mlmagic takes its place.\n"
    )
