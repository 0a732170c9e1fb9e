"""The verbs of unattended runs."""

from __future__ import annotations

from mlmagic.options.option import Option
from mlmagic.options.verb import Verb

RUN_VERBS = (
    Verb(
        path=("run",),
        method="run_notebook",
        owner="runs",
        help="Run a notebook unattended, with papermill's arguments and option letters.",
        result="RunResult",
        options=(
            Option(
                name="notebook",
                help="the notebook to run, a file or an address (s3://…); it is not changed",
                kind="path",
                metavar="NOTEBOOK",
                required=True,
                complete="path",
            ),
            Option(
                name="output",
                help="where the executed notebook goes (default NAME.executed.ipynb)",
                kind="path",
                metavar="OUT.ipynb",
                complete="path",
            ),
            Option(
                name="parameters",
                flags=("-p", "--parameters"),
                help="a parameter; numbers, True, False and None become values",
                kind="assignment",
            ),
            Option(
                name="raw_parameters",
                flags=("-r", "--parameters-raw"),
                help="a parameter taken as text",
                kind="assignment",
            ),
            Option(
                name="parameters_file",
                flags=("-f", "--parameters-file"),
                help="a YAML or JSON file of parameters; may be repeated",
                kind="path",
                repeat=True,
                metavar="FILE",
            ),
            Option(
                name="result",
                flags=("--result",),
                help="JSON file for the result: services, models, duration, failing cell",
                kind="path",
                metavar="FILE",
            ),
            Option(
                name="junit",
                flags=("--junit",),
                help="JUnit XML file for CI: a test case for each cell and each service",
                kind="path",
                metavar="FILE",
            ),
            Option(
                name="settings",
                flags=("--set",),
                help="a setting for this run; 'target=NAME' sends every deployment there",
                kind="pair",
            ),
            Option(
                name="cleanup",
                flags=("--cleanup",),
                help="when to delete the services that this run created (default never)",
                kind="choice",
                choices=("never", "on-failure", "always"),
            ),
            Option(
                name="kernel",
                flags=("-k", "--kernel"),
                help="name of the kernel (default: the notebook's)",
            ),
            Option(
                name="environment",
                flags=("-e", "--environment"),
                help="runs in a locked environment with a kernel: a name, a file that defines one, "
                "or the beginning of a lock's identity",
                metavar="LOCK",
                complete="environment",
            ),
            Option(
                name="cwd",
                flags=("--cwd",),
                help="folder that it runs in (default: the notebook's own)",
                kind="path",
                metavar="FOLDER",
                complete="path",
            ),
            Option(
                name="azureml",
                flags=("--azureml",),
                help="lets imports of azureml mean mlmagic.azureml, for a notebook of Azure ML v1",
                kind="flag",
            ),
            Option(
                name="timeout",
                flags=("--execution-timeout",),
                help="seconds that one cell may take",
                kind="number",
                metavar="SECONDS",
            ),
            Option(
                name="total_timeout",
                flags=("--timeout",),
                help="seconds that the whole run may take",
                kind="number",
                metavar="SECONDS",
            ),
        ),
        examples=(
            "run notebooks/01_first_service.ipynb -p service_name nightly --result result.json",
            "run notebooks/01_first_service.ipynb --set target=docker --cleanup always",
            "run train.ipynb --environment scikit-learn",
            "run deploy_v1.ipynb --azureml",
        ),
    ),
    Verb(
        path=("quickstart",),
        method="write_quickstart",
        owner="runs",
        help="Write a small project: a notebook, data from scikit-learn, a script.",
        result="list of Path",
        options=(
            Option(
                name="directory",
                help="the folder (default: the current one)",
                kind="path",
                metavar="DIR",
                complete="path",
            ),
            Option(
                name="overwrite",
                flags=("--overwrite",),
                help="replace files of the same names",
                kind="flag",
            ),
        ),
        done="{result[0].parent}  holds a first project\n"
        "next: jupyter lab {result[0]}\n"
        "  or: mlmagic run {result[0]}",
        examples=("quickstart demo",),
    ),
)
