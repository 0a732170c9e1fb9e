"""The verb that registers a model, and the options that it shares with others."""

from __future__ import annotations

from mlmagic.options.option import Option
from mlmagic.options.values import run_of_metadata
from mlmagic.options.verb import Verb

# Where the registry is, for one command; read by ``dispatch`` for every verb that has them.
PLACE = (
    Option(
        name="database_url",
        flags=("--registry",),
        help="the registry's database for this command, in place of the setting 'database_url'",
        metavar="URL",
    ),
    Option(
        name="store_url",
        flags=("--store",),
        help="the shared store for this command, in place of the setting 'store_url'",
        metavar="URL",
    ),
)

RESOURCES = (
    Option(
        name="cpu",
        flags=("--cpu", "--cc", "--cpu-cores"),
        help="cores that serving it needs; a hint for deployments",
        kind="number",
        metavar="CORES",
    ),
    Option(
        name="memory_gb",
        flags=("--memory-gb", "--gb"),
        help="memory that serving it needs, in GB; likewise",
        kind="number",
        metavar="GB",
    ),
    Option(
        name="gpu",
        flags=("--gpu", "--gc", "--gpu-cores"),
        help="accelerators that serving it needs; likewise",
        kind="integer",
        minimum=1,
        metavar="N",
    ),
)

REGISTER = Verb(
    path=("model", "register"),
    aliases=(("register",),),
    method="register_model",
    magic="%register",
    help="Register a variable, a file, a folder or several files as a version of a model.",
    result="Registration",
    progress=True,
    options=(
        Option(
            name="source",
            help="a variable of the notebook (a model, a search, a study), paths, or an address;"
            " a path beside a variable: './NAME'",
            kind="source",
            metavar="SOURCE",
            repeat=True,
            complete="variable",
        ),
        Option(
            name="source",
            flags=("-p", "--model-path"),
            help="a path, as an option",
            kind="source",
            repeat=True,
            metavar="PATH",
            complete="path",
        ),
        Option(
            name="name",
            flags=("-n", "--name"),
            help="the model's name; searches and studies have one of their own",
            complete="model-name",
        ),
        Option(
            name="run_id",
            flags=("-r", "--run-id"),
            help="a run of this workspace or of MLflow, in place of a source",
            metavar="ID",
        ),
        Option(
            name="run_id",
            flags=("-f", "--run-metadata-file"),
            help="the same, by v1's metadata file (JSON with 'run_id')",
            metavar="FILE",
            complete="path",
            convert=run_of_metadata,
        ),
        Option(
            name="asset_path",
            flags=("--asset-path",),
            help="which of the run's files, or the model that it logged (default: the name)",
            metavar="PATH",
        ),
        Option(
            name="experiment_name",
            flags=("--experiment-name",),
            help="the experiment that the run has to belong to",
            metavar="NAME",
        ),
        Option(
            name="tracking_uri",
            flags=("--tracking-uri",),
            help="where the run is (default: MLFLOW_TRACKING_URI)",
            metavar="URI",
        ),
        Option(
            name="iteration",
            flags=("--iteration",),
            help="of a search or a study, this trial",
            kind="integer",
            minimum=0,
        ),
        Option(
            name="metric",
            flags=("--metric",),
            help="of a search or a study, the best by this metric",
            metavar="METRIC",
        ),
        Option(
            name="direction",
            flags=("--direction",),
            help="whether the metric is better when it is larger or smaller, where the search does"
            " not say",
            choices=("maximize", "minimize"),
        ),
        Option(
            name="build",
            flags=("--build",),
            help="a function of the notebook that makes the model of a trial, where none was kept",
            kind="variable",
            metavar="FUNCTION",
            complete="variable",
        ),
        Option(
            name="sample",
            flags=("--sample", "--sample-input-dataset-id"),
            help="sample input: a variable, '@FILE' or JSON; the default body of test requests",
            kind="sample",
            complete="variable",
        ),
        Option(name="tags", flags=("--tag",), help="a tag; may be repeated", kind="pair"),
        Option(
            name="properties",
            flags=("--property",),
            help="a property, which stays as it is; may be repeated",
            kind="pair",
        ),
        Option(name="description", flags=("-d", "--description"), help="what it is, in words"),
        Option(
            name="framework",
            flags=("--framework", "--model-framework"),
            help="such as 'scikit-learn', where it cannot be told from the source",
        ),
        Option(
            name="framework_version",
            flags=("--framework-version", "--model-framework-version"),
            help="the framework's version",
            metavar="VERSION",
        ),
        Option(
            name="new_version",
            flags=("--new-version",),
            help="make a version even if the content is the same; the rule in a shell, as in v1",
            kind="flag",
        ),
        Option(
            name="new_version",
            flags=("--if-changed",),
            help="make a version only if the content is new; the rule in a notebook",
            kind="flag",
            value=False,
        ),
        Option(
            name="convert",
            flags=("--convert",),
            help="register a live model in this format, by the sample's types",
            choices=("onnx",),
        ),
        Option(
            name="trust",
            flags=("--trust",),
            help="allow what this pickle calls, and record that in the workspace",
            kind="flag",
        ),
        Option(
            name="trust",
            flags=("--trust-because",),
            help="likewise, with the reason in words",
            metavar="REASON",
        ),
        Option(
            name="child_paths",
            flags=("--child-path",),
            help="of a folder, only this file or folder in it; may be repeated",
            repeat=True,
            metavar="PATH",
        ),
        Option(
            name="sample_output",
            flags=("--sample-output", "--sample-output-dataset-id"),
            help="what the model answers to the sample: a variable, '@FILE' or JSON",
            kind="sample",
            complete="variable",
        ),
        Option(
            name="parent",
            flags=("--parent",),
            help="the model that this one was derived from",
            metavar="MODEL",
            complete="model",
        ),
        Option(
            name="datasets",
            flags=("--dataset",),
            help="data it was made with, 'SCENARIO=REFERENCE' (training, validation, …)",
            kind="pair",
        ),
        Option(
            name="metadata_file",
            flags=("-t", "--output-metadata-file"),
            help="write v1's metadata file (JSON with 'modelId'), which 'deploy -f' reads",
            kind="path",
            metavar="FILE",
            complete="path",
        ),
        *RESOURCES,
        *PLACE,
    ),
    examples=(
        "model register model.onnx --name onnx_mnist --tag area=mnist",
        "model register -n onnx_mnist -p mnist/model.onnx",
        "model register --run-id 4f1c --asset-path outputs/model --name churn",
    ),
)
