"""Cards of models, and models carried from one registry to another."""

from __future__ import annotations

from pathlib import Path

from mlmagic.options.models import MODEL
from mlmagic.options.option import Option
from mlmagic.options.registering import PLACE
from mlmagic.options.verb import Verb


def _read_file(name: str) -> str:
    try:
        return Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file '{name}' cannot be read ({error})") from None


MODEL_SHARING_VERBS = (
    Verb(
        path=("model", "card"),
        method="model_card",
        help="Show the card of a model, as on Hugging Face; keep an edited one.",
        result="ModelCard",
        options=(
            *MODEL,
            Option(
                name="text",
                flags=("--from",),
                help="a file with the edited card (Markdown), which is kept from now on",
                metavar="FILE",
                complete="path",
                convert=_read_file,
            ),
            Option(
                name="reset",
                flags=("--reset",),
                help="forget the edited card: it is made from what is known again",
                kind="flag",
            ),
        ),
        examples=("model card diabetes:1", "model card diabetes:1 --from card.md"),
    ),
    Verb(
        path=("model", "export"),
        method="export_models",
        help="Write models into one file, which 'model import' of another registry reads.",
        done="{result}  written",
        result="Path",
        progress=True,
        options=(
            Option(
                name="models",
                help="'NAME' (the newest version), 'NAME:VERSION' or 'NAME@ALIAS'; several",
                metavar="MODEL",
                required=True,
                repeat=True,
                complete="model",
            ),
            Option(
                name="path",
                flags=("-f", "--file"),
                help="the file to write (tar)",
                kind="path",
                required=True,
                metavar="FILE",
                complete="path",
            ),
            Option(
                name="all_versions",
                flags=("--all-versions",),
                help="all versions of these names",
                kind="flag",
            ),
            *PLACE,
        ),
        examples=("model export diabetes --all-versions --file diabetes.tar",),
    ),
    Verb(
        path=("model", "import"),
        method="import_models",
        help="Register the models of a file that 'model export' wrote.",
        result="list of Registration",
        progress=True,
        options=(
            Option(
                name="path",
                help="the file",
                kind="path",
                required=True,
                metavar="FILE",
                complete="path",
            ),
            Option(
                name="trust",
                flags=("--trust",),
                help="allow what its pickles call, and record that in the workspace",
                kind="flag",
            ),
            Option(
                name="trust",
                flags=("--trust-because",),
                help="likewise, with the reason in words",
                metavar="REASON",
            ),
            *PLACE,
        ),
        examples=("model import diabetes.tar --registry postgresql://ml@db/models",),
    ),
)
