"""The verb of projects that come from elsewhere."""

from __future__ import annotations

from mlmagic.options.option import Option
from mlmagic.options.verb import Verb

IMPORT_VERBS = (
    Verb(
        path=("import", "azureml"),
        method="import_project",
        owner="azureml",
        help="Look through a project of Azure ML v1, and say what works here and what does not.",
        result="ImportReport",
        options=(
            Option(
                name="source",
                help="the project's folder, or a notebook with the files that it names",
                kind="path",
                metavar="DIR|NOTEBOOK",
                required=True,
                complete="path",
            ),
            Option(
                name="write",
                flags=("--write",),
                help="make this folder with the project of mlmagic; the old one stays as it is",
                kind="path",
                metavar="DIR",
                complete="path",
            ),
        ),
        examples=(
            "import azureml old-project",
            "import azureml old-project --write new-project",
            "import azureml deploy_v1.ipynb -o json --query decide",
        ),
    ),
)
