"""What the command line of Azure ML v1 has beside the tables: accepted everywhere, or refused.

What is refused is not in the help; its message says what to do here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.errors import UsageError
from mlmagic.options.option import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.options.verb import Verb

# Accepted by every command, where the verb has no option of that name itself.
EVERYWHERE = (
    Option(name="workspace", flags=("-w", "--workspace-name"), help="the workspace's name"),
    Option(name="resource_group", flags=("-g", "--resource-group"), help="not needed here"),
    Option(name="subscription", flags=("--subscription-id", "--subscription"), help="not needed"),
    Option(name="path", flags=("--path",), help="the workspace's folder", kind="path"),
    Option(name="verbose", flags=("--verbose", "-v"), help="progress, also under CI", kind="flag"),
    Option(
        name="only_errors", flags=("--only-show-errors",), help="no notes, no progress", kind="flag"
    ),
    Option(name="yes", flags=("-y", "--yes"), help="nothing asks", kind="flag"),
    Option(name="no_wait", flags=("--no-wait",), help="what is quick is waited for", kind="flag"),
)

_TLS = "TLS is not built in: put a proxy with the certificate in front of the service."
_CLOUD = "Only the cloud has it: leave it out."
_PACKAGES = "Name an environment in its place: '--environment FILE|NAME'."
_INSIGHTS = "Read /metrics of the service, and its log."
_OPTIONS = {
    **dict.fromkeys(("--se", "--ssl-enabled", "--sp", "--ssl-cert-pem-file"), _TLS),
    **dict.fromkeys(("--sk", "--ssl-key-pem-file", "--sc", "--ssl-cname"), _TLS),
    **dict.fromkeys(("--vnet-name", "--subnet-name", "--lo", "--location"), _CLOUD),
    **dict.fromkeys(("--vault-base-url", "--key-name", "--key-version"), _CLOUD),
    **dict.fromkeys(("--ai", "--enable-app-insights"), _INSIGHTS),
    **dict.fromkeys(("--rt", "--runtime", "--cf", "--conda-file"), _PACKAGES),
    **dict.fromkeys(("--cv", "--cuda-version", "--eg", "--enable-gpu"), _PACKAGES),
    **dict.fromkeys(
        ("--ds", "--extra-docker-file-steps"),
        "Name the file with '--base-dockerfile'; its lines come before the packages.",
    ),
    **dict.fromkeys(
        ("--ir", "--base-image-registry"), "Name the whole image with '--base-image HOST/NAME:TAG'."
    ),
    **dict.fromkeys(
        ("--vn", "--version-name", "--tp", "--traffic-percentile"),
        "Deploy the versions as services of their own; 'service update' changes one in place.",
    ),
    "--image-digest": "'image list' tells the images, and which services use them.",
    **dict.fromkeys(
        ("-i", "--init"), "Models are placed before a service starts: 'service events' tells more."
    ),
    **dict.fromkeys(
        ("--pi", "--profile-input"), "Give the sizes themselves: '--cpu' and '--memory'."
    ),
    **dict.fromkeys(
        ("--ar", "--autoscale-refresh-seconds"),
        "The cluster decides that by itself: leave it out.",
    ),
}
_VERBS = {
    ("endpoint",): "Deploy the versions as services of their own: 'mlmagic deploy'.",
    ("model", "profile"): "Measure the deployed service, and give it '--cpu' and '--memory'.",
    ("service", "get-access-token"): "There are no tokens; 'service get-keys' shows the keys.",
    ("run", "submit-script"): "Run it: 'python -m mlmagic.azureml SCRIPT', or 'mlmagic run'.",
    ("pipeline",): "Run the steps as notebooks, one after the other: 'mlmagic run'.",
    ("dataset",): "Read the data with pandas or fsspec.",
    ("datastore",): "Read and write files with fsspec.",
    ("experiment",): "Runs lie below '.mlmagic/runs'.",
    ("workspace", "delete"): "Delete the folder '.mlmagic' of the workspace.",
}


def take_everywhere(verb: Verb, words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Take the options out of a line that every command of ``az ml`` accepts.

    Args:
        verb: The verb; what it has itself is left to it.
        words: The words after the verb.

    Returns:
        The options by name, and the other words.

    Raises:
        UsageError: A value is missing.
    """
    own = {flag for option in verb.options for flag in option.flags}
    known = {flag: row for row in EVERYWHERE for flag in row.flags if flag not in own}
    found: dict[str, str] = {}
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        flag, equals, value = word.partition("=")
        option = known.get(flag)
        if option is None:
            rest.append(word)
        elif option.kind == "flag":
            found[option.name] = flag
        elif not equals and not queue:
            raise UsageError(f"{flag} needs a value: {option.help}.")
        else:
            found[option.name] = value if equals else queue.pop(0)
    return found, rest


def refused_option(flag: str) -> UsageError | None:
    """Return the refusal of an option of v1 that is not built, if it is one."""
    way = _OPTIONS.get(flag)
    return (
        UsageError(f"The option '{flag}' of Azure ML v1 is not taken.", hint=way) if way else None
    )


def refused_verb(words: Sequence[str]) -> UsageError | None:
    """Return the refusal of a verb of v1 that is not built, if it is one."""
    for length in (2, 1):
        if way := _VERBS.get(tuple(words[:length])):
            title = " ".join(words[:length])
            return UsageError(f"'{title}' of Azure ML v1 is not here.", hint=way)
    return None
