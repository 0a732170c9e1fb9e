"""The verbs of the model registry."""

from __future__ import annotations

from mlmagic.options.option import Option
from mlmagic.options.verb import Verb

_MODEL = (
    Option(
        name="model",
        help="'NAME' (the newest version) or 'NAME:VERSION'",
        metavar="MODEL",
        required=True,
        complete="model",
    ),
    Option(
        name="model",
        flags=("-i", "--model-id", "-n", "--name"),
        help="the same, as an option",
        metavar="MODEL",
        complete="model",
    ),
    Option(
        name="model",
        flags=("--version",),
        help="the version, where the name was given without",
        kind="version",
        metavar="N",
    ),
)

_TAG_FILTER = Option(
    name="tags",
    flags=("--tag",),
    help="only those with this tag, 'KEY' or 'KEY=VALUE'; may be repeated",
    repeat=True,
    metavar="TAG",
)

REGISTER = Verb(
    path=("model", "register"),
    aliases=(("register",),),
    method="register_model",
    magic="%register",
    help="Register a variable, a file, a folder or several files as a version of a model.",
    result="Registration",
    options=(
        Option(
            name="source",
            help="a variable of the notebook, or paths; a path beside a variable: './NAME'",
            kind="source",
            metavar="SOURCE",
            required=True,
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
            help="the model's name",
            required=True,
            complete="model-name",
        ),
        Option(
            name="sample",
            flags=("--sample",),
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
            help="make a version even if the content is the same",
            kind="flag",
        ),
        Option(
            name="trust",
            flags=("--trust",),
            help="allow what this pickle calls, and record that in the workspace",
            kind="flag",
        ),
    ),
    examples=(
        "model register model.onnx --name onnx_mnist --tag area=mnist",
        "model register -n onnx_mnist -p mnist/model.onnx",
    ),
)

MODEL_VERBS = (
    REGISTER,
    Verb(
        path=("model", "list"),
        aliases=(("models",),),
        method="list_models",
        help="List the registered models.",
        result="list of Model",
        options=(
            Option(
                name="name",
                flags=("-n", "--model-name", "--name"),
                help="only this model's versions",
                complete="model-name",
            ),
            _TAG_FILTER,
            Option(
                name="properties",
                flags=("--property",),
                help="only those with this property, 'KEY' or 'KEY=VALUE'; may be repeated",
                repeat=True,
                metavar="PROPERTY",
            ),
            Option(
                name="latest",
                flags=("-l", "--latest"),
                help="only the newest version of each",
                kind="flag",
            ),
        ),
        examples=("model list --tag area=health -o json",),
    ),
    Verb(
        path=("model", "show"),
        method="show_model",
        help="Show one version of a model.",
        result="Model",
        options=_MODEL,
        examples=("model show diabetes:1",),
    ),
    Verb(
        path=("model", "download"),
        method="download_model",
        help="Copy a model's files out of the registry.",
        result="Path",
        options=(
            *_MODEL,
            Option(
                name="target_dir",
                flags=("-t", "--target-dir"),
                help="folder to write to (default: the current one)",
                kind="path",
                metavar="DIR",
                complete="path",
            ),
            Option(name="overwrite", flags=("--overwrite",), help="replace files", kind="flag"),
        ),
        examples=("model download diabetes:1 -t out",),
    ),
    Verb(
        path=("model", "update"),
        method="update_model",
        help="Change a model's description and tags, or add properties.",
        result="Model",
        options=(
            *_MODEL,
            Option(name="description", flags=("--description",), help="the new description"),
            Option(
                name="add_tags",
                flags=("--add-tag",),
                help="set a tag; may be repeated",
                kind="pair",
            ),
            Option(
                name="remove_tags",
                flags=("--remove-tag",),
                help="take a tag away; may be repeated",
                repeat=True,
                metavar="KEY",
            ),
            Option(
                name="add_properties",
                flags=("--add-property",),
                help="add a property; may be repeated",
                kind="pair",
            ),
        ),
        examples=("model update diabetes:1 --add-tag stage=production",),
    ),
    Verb(
        path=("model", "delete"),
        method="delete_model",
        help="Delete one version of a model; refused while a service uses it.",
        done="{result.id}  deleted",
        result="Model",
        options=_MODEL,
        examples=("model delete diabetes:1",),
    ),
    Verb(
        path=("model", "verify"),
        method="verify_models",
        help="Check the registry's files against their digests.",
        result="VerifyReport",
        options=(
            Option(
                name="repair",
                flags=("--repair",),
                help="mend what can be mended",
                kind="flag",
            ),
        ),
        examples=("model verify --repair",),
    ),
)
