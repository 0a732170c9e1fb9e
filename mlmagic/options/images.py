"""The verbs of images and packages, with the letters of ``az ml model package`` (v1)."""

from __future__ import annotations

from mlmagic.options.deployment import DEPLOY, INFERENCE, MODEL_METADATA, MODELS
from mlmagic.options.option import Option
from mlmagic.options.verb import Verb

_OF_DEPLOY = tuple(
    option
    for option in DEPLOY
    if option.name
    in (
        *("base_image", "base_dockerfile", "standalone_python"),
        *("variables", "sample", "description", "auth"),
    )
)

PACKAGE = Verb(
    path=("model", "package"),
    method="package_models",
    help="Package models with a script and an environment, to run anywhere.",
    progress=True,
    result="Package",
    options=(
        MODELS,
        MODEL_METADATA,
        *INFERENCE,
        Option(
            name="to",
            flags=("--to",),
            help="what to make (default image; with --output-path and no --push, dockerfile)",
            kind="choice",
            choices=("image", "dockerfile", "oci", "bundle"),
        ),
        Option(
            name="push",
            flags=("--push",),
            help="push the image there; needs no Docker engine",
            metavar="HOST/NAME:TAG",
        ),
        Option(
            name="output_path",
            flags=("--output-path",),
            help="folder to make; for oci also a .tar, for a bundle also a .tar.gz",
            kind="path",
            metavar="PATH",
            complete="path",
        ),
        Option(
            name="platform",
            flags=("--platform",),
            help="what it runs on (default this machine's, or the base's)",
            kind="choice",
            choices=("linux/amd64", "linux/arm64"),
        ),
        Option(
            name="image_name",
            flags=("--image-name", "--in", "-n", "--name"),
            help="name of the image (default mlmagic/ and the first model's)",
            metavar="NAME",
        ),
        Option(
            name="image_label",
            flags=("--image-label", "--il"),
            help="tag of the image (default the beginning of its id)",
            metavar="TAG",
        ),
        *_OF_DEPLOY,
    ),
    examples=(
        "model package -m diabetes:1 --script score.py",
        "model package -m diabetes:1 --script score.py --push registry.example.com/ml/diabetes:1",
        "model package -m diabetes:1 --script score.py --to bundle --output-path diabetes.tar.gz",
        "model package --script score.py --to oci --output-path arm.tar --platform linux/arm64",
    ),
)

IMAGE_VERBS = (
    PACKAGE,
    Verb(
        path=("image", "list"),
        method="list_images",
        help="List the images that mlmagic made, with sizes and what uses them.",
        result="list of ImageEntry",
        examples=("image list",),
    ),
    Verb(
        path=("image", "pull"),
        method="pull_image",
        help="Take a base image anew from its registry, for services that are then restarted.",
        progress=True,
        result="ImageEntry",
        options=(
            Option(
                name="image",
                help="the base image (default that of the settings, or by the Python version)",
                metavar="IMAGE",
            ),
        ),
        examples=("image pull", "image pull python:3.12-slim"),
    ),
    Verb(
        path=("image", "prune"),
        method="prune_images",
        help="Remove images and cached layers that no container and no service uses.",
        result="ImagePruneReport",
        options=(
            Option(
                name="dry_run", flags=("--dry-run",), help="only say what would go", kind="flag"
            ),
        ),
        examples=("image prune --dry-run",),
    ),
)
