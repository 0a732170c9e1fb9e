"""The verbs of the model registry."""

from __future__ import annotations

from dataclasses import replace

from mlmagic.options.labels import LABEL_CHANGES, PROPERTY_FILTER, TAG_FILTER
from mlmagic.options.option import Option
from mlmagic.options.registering import PLACE, REGISTER, RESOURCES
from mlmagic.options.verb import Verb

MODEL = (
    Option(
        name="model",
        help="'NAME' (the newest version), 'NAME:VERSION' or 'NAME@ALIAS'",
        metavar="MODEL",
        required=True,
        complete="model",
    ),
    Option(
        name="model",
        flags=("-i", "--model-id", "-n", "--name", "--model-name"),
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
    *PLACE,
)

_TRUSTED = Option(
    name="model",
    help="'NAME', 'NAME:VERSION' or 'sha256:DIGEST'",
    metavar="MODEL",
    complete="model",
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
            TAG_FILTER,
            PROPERTY_FILTER,
            Option(
                name="latest",
                flags=("-l", "--latest"),
                help="only the newest version of each",
                kind="flag",
            ),
            Option(name="run_id", flags=("-r", "--run-id"), help="only those of this run"),
            Option(name="framework", flags=("--framework",), help="only those of this framework"),
            Option(
                name="dataset",
                flags=("--dataset", "--dataset-id"),
                help="only those made with this data",
                metavar="REFERENCE",
            ),
            Option(
                name="parent",
                flags=("--parent",),
                help="only those derived from this version",
                metavar="MODEL",
                complete="model",
            ),
            Option(
                name="search",
                flags=("--search",),
                help="only those with these words in name, description, tags or properties",
                metavar="WORDS",
            ),
            Option(
                name="used_by",
                flags=("--used-by",),
                help="only those that this service uses",
                metavar="SERVICE",
                complete="service",
            ),
            Option(
                name="archived",
                flags=("--archived",),
                help="the archived ones, too",
                kind="flag",
            ),
            Option(
                name="order_by",
                flags=("--order-by",),
                help="name, version, created_at, framework or metrics.NAME; '-' in front reverses"
                " (write '--order-by=-version')",
                metavar="KEY",
            ),
            Option(name="top", flags=("--top",), help="at most so many", kind="integer", minimum=1),
            Option(name="skip", flags=("--skip",), help="after so many", kind="integer", minimum=0),
            *PLACE,
        ),
        examples=(
            "model list --tag area=health -o json",
            "model list --latest --order-by=-metrics.f1 --top 10",
        ),
    ),
    Verb(
        path=("model", "show"),
        method="show_model",
        help="Show one version of a model.",
        result="Model",
        options=(
            *MODEL,
            Option(name="run_id", flags=("-r", "--run-id"), help="only a version of this run"),
        ),
        examples=("model show diabetes:1",),
    ),
    Verb(
        path=("model", "download"),
        method="download_model",
        help="Copy a model's files out of the registry.",
        result="Path",
        options=(
            *MODEL,
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
            *MODEL,
            Option(name="description", flags=("--description",), help="the new description"),
            *LABEL_CHANGES,
            Option(
                name="add_datasets",
                flags=("--add-dataset",),
                help="add data it was made with, 'SCENARIO=REFERENCE'",
                kind="pair",
            ),
            Option(
                name="sample",
                flags=("--sample", "--sample-input-dataset-id"),
                help="a sample input in place of the old one: a variable, '@FILE' or JSON",
                kind="sample",
                complete="variable",
            ),
            Option(
                name="sample_output",
                flags=("--sample-output", "--sample-output-dataset-id"),
                help="likewise, the answer to it",
                kind="sample",
                complete="variable",
            ),
            *RESOURCES,
        ),
        examples=("model update diabetes:1 --add-tag stage=production",),
    ),
    Verb(
        path=("model", "delete"),
        method="delete_model",
        help="Delete one version of a model; refused while a service uses it.",
        done="{result.id}  deleted",
        result="Model",
        options=MODEL,
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
                help="mend what can be mended; reads all of a shared store",
                kind="flag",
            ),
            *PLACE,
        ),
        examples=("model verify --repair",),
    ),
    Verb(
        path=("model", "gc"),
        method="collect_model_garbage",
        help="Remove contents that no model and no service uses.",
        result="GarbageReport",
        options=(
            Option(
                name="grace_hours",
                flags=("--grace-hours",),
                help="keep what was used more recently (default 1)",
                kind="number",
                metavar="HOURS",
            ),
            Option(
                name="dry_run", flags=("--dry-run",), help="only say what would go", kind="flag"
            ),
            *PLACE,
        ),
        examples=("model gc --dry-run",),
    ),
    Verb(
        path=("model", "alias"),
        method="set_model_alias",
        help="Point an alias at a version; 'NAME@ALIAS' then stands for it.",
        result="Model",
        options=(
            *MODEL,
            Option(
                name="alias",
                flags=("-a", "--alias"),
                help="such as 'champion'",
                required=True,
                metavar="ALIAS",
            ),
        ),
        examples=("model alias diabetes:1 --alias champion",),
    ),
    Verb(
        path=("model", "unalias"),
        method="remove_model_alias",
        help="Take an alias away.",
        result="Model",
        options=(
            Option(
                name="model",
                help="'NAME@ALIAS'",
                metavar="NAME@ALIAS",
                required=True,
                complete="model",
            ),
            *PLACE,
        ),
        examples=("model unalias diabetes@champion",),
    ),
    Verb(
        path=("model", "alias-history"),
        method="model_alias_history",
        help="Show how the aliases of a model moved.",
        result="list of AliasMove",
        options=(
            Option(
                name="model",
                help="'NAME', or 'NAME@ALIAS'",
                metavar="NAME",
                required=True,
                complete="model",
            ),
            *PLACE,
        ),
        examples=("model alias-history diabetes",),
    ),
    Verb(
        path=("model", "archive"),
        method="archive_model",
        help="Hide a version from lists; all else about it keeps working.",
        done="{result.id}  archived",
        result="Model",
        options=MODEL,
        examples=("model archive diabetes:1",),
    ),
    Verb(
        path=("model", "restore"),
        method="restore_model",
        help="Show an archived version in lists again.",
        done="{result.id}  restored",
        result="Model",
        options=MODEL,
        examples=("model restore diabetes:1",),
    ),
    Verb(
        path=("model", "trust"),
        aliases=(("model", "trust", "list"),),
        method="list_trust",
        help="List what is trusted although the allow-list refuses it, and why.",
        result="list of Decision",
        options=(_TRUSTED,),
        examples=("model trust diabetes",),
    ),
    Verb(
        path=("model", "distrust"),
        method="revoke_trust",
        help="Take the trust in a model back; the record of it stays.",
        result="list of Decision",
        options=(replace(_TRUSTED, required=True),),
        examples=("model distrust diabetes:1",),
    ),
    Verb(
        path=("model", "sign"),
        method="sign_model",
        help="Sign a version with OpenSSF model-signing and a key of your own.",
        done="{result.id}  signed",
        result="Model",
        options=(
            *MODEL,
            Option(
                name="private_key",
                flags=("--private-key",),
                help="an elliptic-curve key in PEM",
                kind="path",
                required=True,
                metavar="FILE",
                complete="path",
            ),
            Option(
                name="password",
                flags=("--password",),
                help="opens the key, where it is encrypted",
            ),
        ),
        examples=("model sign diabetes:1 --private-key signing.pem",),
    ),
    Verb(
        path=("model", "verify-signature"),
        method="verify_model_signature",
        help="Check a version's signature against its files.",
        done="verified by {result}",
        result="the name of the key",
        options=(
            *MODEL,
            Option(
                name="public_key",
                flags=("--public-key",),
                help="a key or a folder of keys (default: the setting 'signing_keys')",
                kind="path",
                metavar="FILE",
                complete="path",
            ),
        ),
        examples=("model verify-signature diabetes:1 --public-key signing.pub",),
    ),
)
