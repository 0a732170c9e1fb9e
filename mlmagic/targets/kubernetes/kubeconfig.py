"""From a kubeconfig, or the service account of the pod we run in, to a client."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import TargetUnavailableError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.targets.kubernetes.connection import Place

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_ATTACH = "%ml computetarget attach kubernetes -n NAME --kubeconfig FILE --context CONTEXT"


def in_cluster() -> bool:
    """Whether this process runs in a pod with a service account."""
    return "KUBERNETES_SERVICE_HOST" in os.environ and _POD_NAMESPACE.exists()


def files_of(place: Place) -> list[Path]:
    """Return the kubeconfig files that exist, in the order in which kubectl merges them."""
    given = place.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    paths = [Path(each).expanduser() for each in given.split(os.pathsep) if each]
    return [path for path in paths if path.is_file()]


def chosen_context(place: Place) -> dict[str, Any]:
    """Return the context of the kubeconfig that a place names; empty where there is none.

    Raises:
        TargetUnavailableError: The configuration is broken, or lacks the context.
    """
    files = files_of(place)
    return _choose(place, files) if files else {}


def load(place: Place) -> tuple[Any, str]:
    """Return a client of the `kubernetes` package, and the namespace.

    Raises:
        TargetUnavailableError: There is no configuration, it is broken, or lacks the context.
    """
    files = files_of(place)
    if files:
        return _of_files(place, files)
    if place.kubeconfig:
        raise TargetUnavailableError(
            f"The kubeconfig '{place.kubeconfig}' does not exist.", hint="Name another."
        )
    if in_cluster():
        return _of_pod(place)
    raise TargetUnavailableError(
        "There is no kubeconfig: 'KUBECONFIG' names none, '~/.kube/config' does not exist, and "
        "this is no pod with a service account.",
        hint=f"Attach a cluster: {_ATTACH}",
    )


def _of_files(place: Place, files: list[Path]) -> tuple[Any, str]:
    from kubernetes import config

    chosen = _choose(place, files)
    # The client refuses an empty file even beside others.
    merged = os.pathsep.join(str(path) for path in files if path.stat().st_size)
    with _faults_of(files), _said_of_plugins() as said:
        api = config.new_client_from_config(merged, context=chosen["name"], persist_config=False)
    settings = api.configuration
    if said and not settings.api_key and not settings.cert_file:
        raise TargetUnavailableError(
            f"The program that the kubeconfig '{_joined(files)}' names for context "
            f"'{chosen['name']}' gives no credentials: {' '.join(said[-1].split()).rstrip('.')}.",
            hint="Install it, or log in with it again.",
        )
    context = chosen.get("context") or {}
    return api, place.namespace or context.get("namespace") or "default"


@contextmanager
def _said_of_plugins() -> Iterator[list[str]]:
    """Take down what the client logs, in place of raising it, where a plugin fails."""
    said: list[str] = []
    thread = threading.get_ident()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread and record.funcName == "_load_from_exec_plugin":
                said.append(record.getMessage().removeprefix("exec: "))

    root, listener = logging.getLogger(), Listener()
    root.addHandler(listener)
    try:
        yield said
    finally:
        root.removeHandler(listener)


def _choose(place: Place, files: list[Path]) -> dict[str, Any]:
    """Return the context that is meant, by kubectl's rule: the first file to name a thing is right.

    The client lists no contexts where none is the current one, and takes the last file's.
    """
    import yaml

    contexts: dict[str, dict[str, Any]] = {}
    current = None
    with _faults_of(files):
        for path in files:
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            current = current or content.get("current-context")
            for each in content.get("contexts") or ():
                contexts.setdefault(each["name"], each)
    name = place.context or current
    if name in contexts:
        return contexts[name]
    named = f"The kubeconfig '{_joined(files)}'"
    if not contexts:
        raise TargetUnavailableError(
            f"{named} cannot be used: it has no contexts.", hint="Name another."
        )
    if not name:
        known = ", ".join(f"'{each}'" for each in contexts)
        raise TargetUnavailableError(
            f"{named} has no current context.", hint=f"Name one (--context): {known}."
        )
    raise TargetUnavailableError(
        f"{named} has no context '{name}'{'' if place.context else ', its current one'}.",
        hint=did_you_mean(name, list(contexts)),
    )


def _joined(files: list[Path]) -> str:
    return os.pathsep.join(str(path) for path in files)


@contextmanager
def _faults_of(files: list[Path]) -> Iterator[None]:
    import yaml
    from kubernetes import config

    wrong = (config.ConfigException, yaml.YAMLError, OSError, ValueError)
    try:
        yield
    except (*wrong, AttributeError, KeyError, TypeError) as error:
        said = " ".join(f"{error}".split())
        raise TargetUnavailableError(
            f"The kubeconfig '{_joined(files)}' cannot be used: {said}.",
            hint="Correct it, or name another.",
        ) from error


def _of_pod(place: Place) -> tuple[Any, str]:
    from kubernetes import client, config

    configuration = client.Configuration()
    config.load_incluster_config(client_configuration=configuration)
    namespace = place.namespace or _POD_NAMESPACE.read_text(encoding="utf-8").strip()
    return client.ApiClient(configuration), namespace
