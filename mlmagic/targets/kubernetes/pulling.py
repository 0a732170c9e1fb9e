"""What nodes say of an image that they cannot pull, in our words."""

from __future__ import annotations

import re

_LOGIN = (
    "Log in to the registry (docker login) and deploy again, or name a Secret of the namespace: "
    "--image-pull-secret NAME; tokens of clouds (ECR, gcloud, az) end after hours: let the nodes "
    "pull by their own identity"
)
_PUSH = "Look whether nodes pull from the registry that is pushed to, and deploy again"
_REACH = "Name a registry that the nodes reach: --image-registry HOST/PATH"
_TRUST = "Let the nodes' container runtime trust the registry, or name another: --image-registry"
# First that fits.
_ANSWERS = (
    (r"40[13] |unauthorized|forbidden|denied|authoriz|no basic auth", _LOGIN),
    (r"not found|404", _PUSH),
    (r"x509|certificate|HTTP response to HTTPS", _TRUST),
    (r"refused|timeout|timed out|deadline|no such host|unreachable|no route|reset|EOF", _REACH),
)
_IMAGE = re.compile(r'image "([^"]+)"')
_BEFORE = re.compile(r'.*(failed to copy|reference) "[^"]*": ', re.DOTALL)
_NOISE = re.compile(r"rpc error: code = \w+ desc = |failed with status code \[[^\]]*\]: ")


def pull_failure(said: str) -> tuple[str, str]:
    """Say which image it is, what was answered, and what to do.

    Args:
        said: Such as ``Failed to pull image "…": … dial tcp …: connect: connection refused``.

    Returns:
        Words, and the next step; empty where the answer is not known.
    """
    way_out = next((w for words, w in _ANSWERS if re.search(words, said, re.IGNORECASE)), "")
    image = _IMAGE.search(said)
    answer = _NOISE.sub("", _BEFORE.sub("", said))
    if image is None or answer == said:
        return said, way_out
    answer = answer.removeprefix(f"{image[1]}: ").strip()
    return f"the nodes ask for '{image[1]}' and are told: {answer}", way_out


def pull_without_answer(said: str) -> tuple[str, str]:
    """Say of which image nothing was heard, and what to do.

    Args:
        said: Such as ``Pulling image "…"``.

    Returns:
        Words, and the next step.
    """
    image = _IMAGE.search(said)
    what = f"'{image[1]}'" if image is not None else "the image"
    return f"the nodes ask for {what} and get no answer, or not all of it in time", _REACH
