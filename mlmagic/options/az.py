"""What the command line of Azure ML v1 has beside the tables: accepted everywhere, or refused.

What is refused is not in the help; its message says what to do here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mlmagic.errors import UsageError
from mlmagic.options.option import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.options.option import Kind
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


_OF_THE_CLOUD = "of_the_cloud"
# What may follow the first word of such an option: more tags; a value that makes a flag plain.
_MORE_OF_IT = re.compile(r"[^-=][^=]*=.*|true|false", re.IGNORECASE | re.DOTALL)


def _of_the_cloud(*flags: str, is_flag: bool = False) -> Option:
    kind: Kind = "flag" if is_flag else "text"
    return Option(name=_OF_THE_CLOUD, flags=flags, help="not needed here", kind=kind)


# Accepted by one command: what a workspace or a cluster was made of in the cloud.
_BY_VERB: dict[tuple[str, ...], tuple[Option, ...]] = {
    ("workspace", "create"): (
        _of_the_cloud("--location", "-l", "--friendly-name", "-f", "--sku", "--tags", "-t"),
        _of_the_cloud("--storage-account", "--keyvault", "--application-insights"),
        _of_the_cloud("--container-registry", "--adb-workspace", "--system_datastores_auth_mode"),
        _of_the_cloud("--primary-user-assigned-identity", "--v1-legacy-mode"),
        _of_the_cloud("--exist-ok", "--hbi-workspace", is_flag=True),
    ),
    ("computetarget", "create"): (
        _of_the_cloud("--agent-count", "-a", "--vm-size", "-s", "--location", "-l"),
        _of_the_cloud("--cluster-purpose", "--service-cidr", "--dns-service-ip"),
        _of_the_cloud("--docker-bridge-cidr", "--load-balancer-type", "--load-balancer-subnet"),
    ),
}

_TLS = "TLS is not built in: put a proxy with the certificate in front of the service."
_CLOUD = "Only the cloud has it: leave it out."
_PACKAGES = "Name an environment in its place: '--environment FILE|NAME'."
_INSIGHTS = "Read /metrics of the service, and its log."
_DISK = "Data lies in the workspace's folder as the disk keeps it: encrypt the disk."
REFUSED_OPTIONS = {
    **dict.fromkeys(("--se", "--ssl-enabled", "--sp", "--ssl-cert-pem-file"), _TLS),
    **dict.fromkeys(("--sk", "--ssl-key-pem-file", "--sc", "--ssl-cname"), _TLS),
    **dict.fromkeys(("--ssl-cert-file", "--ssl-key-file", "--ssl-leaf-domain-label"), _TLS),
    "--ssl-overwrite-domain": _TLS,
    **dict.fromkeys(("--vnet-name", "--subnet-name", "--lo", "--location"), _CLOUD),
    **dict.fromkeys(("--vnet-resourcegroup-name", "--is-migration"), _CLOUD),
    **dict.fromkeys(("--pe-name", "--pe-vnet-name", "--pe-subnet-name"), _CLOUD),
    **dict.fromkeys(("--pe-resource-group", "--pe-subscription-id"), _CLOUD),
    "--pe-auto-approval": _CLOUD,
    **dict.fromkeys(("--cmk-keyvault", "--resource-cmk-uri"), _DISK),
    "--user-assigned-identity-for-cmk-encryption": _DISK,
    **dict.fromkeys(
        ("--aml_arc-config", "--amlk8s-config"),
        "Name the cluster by '--context' and '--kubeconfig', its part by '--namespace'.",
    ),
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
    **dict.fromkeys(("-t", "--output-metadata-file"), "Write '-o json > FILE'."),
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
_HERE = "Notebooks and scripts run on this machine, services on its targets: leave it out."
_FOLDER = "A workspace is a folder: its permissions and its place are the file system's."
_RUNS = "Runs lie below '.mlmagic/runs', and in Python: 'mlmagic.azureml.core.Run'."
_VERBS: dict[tuple[str, ...], str] = {
    ("endpoint",): "Deploy the versions as services of their own: 'mlmagic deploy'.",
    ("model", "profile"): "Measure the deployed service, and give it '--cpu' and '--memory'.",
    ("service", "get-access-token"): "There are no tokens; 'service get-keys' shows the keys.",
    ("run", "submit-script"): "Run it: 'python -m mlmagic.azureml SCRIPT', or 'mlmagic run'.",
    ("run", "submit-hyperdrive"): "Search in the script, with scikit-learn, Optuna or FLAML.",
    ("run", "submit-pipeline"): "Run the steps as notebooks, one after the other: 'mlmagic run'.",
    **{
        ("run", word): _RUNS
        for word in ("list", "show", "update", "cancel", "download-logs", "monitor-logs")
    },
    ("run", "monitor-tensorboard"): "Start TensorBoard itself.",
    **{
        ("computetarget", verb, kind): _HERE
        for verb in ("create", "attach", "update")
        for kind in ("amlcompute", "computeinstance", "datafactory", "remote")
    },
    ("computetarget", "amlcompute"): _HERE,
    ("computetarget", "computeinstance"): _HERE,
    ("computetarget", "update"): "Attach it anew: 'computetarget attach'.",
    ("computetarget", "get-credentials"): "Use 'kubectl config', or 'az aks get-credentials'.",
    **{
        ("workspace", word): _FOLDER
        for word in ("share", "update", "diagnose", "list-keys", "sync-keys", "private-endpoint")
    },
    ("workspace", "update-dependencies"): _FOLDER,
    ("pipeline",): "Run the steps as notebooks, one after the other: 'mlmagic run'.",
    ("dataset",): "Read the data with pandas or fsspec.",
    ("datastore",): "Read and write files with fsspec.",
    ("experiment",): "Runs lie below '.mlmagic/runs'.",
    ("workspace", "delete"): "Delete the folder '.mlmagic' of the workspace.",
}
# Verbs of the command line that came after v1's, to those of v1.
_OF_V2: dict[tuple[str, ...], str] = {
    ("model", "create"): "Write 'model register -n NAME -p PATH'.",
    ("environment", "create"): "Write 'environment register -d DIR'.",
    ("online-endpoint",): "Write 'model deploy'.",
    ("online-deployment",): "Write 'model deploy'.",
    ("compute",): "Write 'computetarget'.",
    **dict.fromkeys(
        [("batch-endpoint",), ("batch-deployment",), ("component",), ("data",), ("job",)],
        "Run notebooks and scripts on this machine: 'mlmagic run'.",
    ),
}


def rows_of_v1(verb: Verb) -> tuple[Option, ...]:
    """Return the options that a verb of ``az ml`` takes beside those of its table."""
    own = {flag for option in verb.options for flag in option.flags}
    rows = (*EVERYWHERE, *_BY_VERB.get(verb.path, ()))
    return tuple(replace(row, flags=tuple(f for f in row.flags if f not in own)) for row in rows)


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
    known = {flag: row for row in rows_of_v1(verb) for flag in row.flags}
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
        if option is not None and option.name == _OF_THE_CLOUD:
            while queue and _MORE_OF_IT.fullmatch(queue[0]):
                queue.pop(0)
    return found, rest


def refused_option(flag: str) -> UsageError | None:
    """Return the refusal of an option of v1 that is not built, if it is one."""
    way = REFUSED_OPTIONS.get(flag)
    return (
        UsageError(f"The option '{flag}' of Azure ML v1 is not taken.", hint=way) if way else None
    )


def refused_verb(words: Sequence[str]) -> UsageError | None:
    """Return the refusal of a verb of v1, or of v2, that is not built, if it is one."""
    for length in (3, 2, 1):
        title = " ".join(words[:length])
        if way := _OF_V2.get(tuple(words[:length])):
            return UsageError(
                f"'{title}' is of Azure ML v2, and here are the verbs of v1.", hint=way
            )
        if way := _VERBS.get(tuple(words[:length])):
            return UsageError(f"'{title}' of Azure ML v1 is not here.", hint=way)
    return None
