"""From a kubeconfig, or the service account of the pod we run in, to a client."""

from __future__ import annotations

import os
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
    return _choose(place, files)[1] if files else {}


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

    merged, chosen = _choose(place, files)
    with _faults_of(merged):
        api = config.new_client_from_config(merged, context=chosen["name"], persist_config=False)
    context = chosen.get("context") or {}
    return api, place.namespace or context.get("namespace") or "default"


def _choose(place: Place, files: list[Path]) -> tuple[str, dict[str, Any]]:
    """Return the files as one name, and the context in them."""
    from kubernetes import config

    merged = os.pathsep.join(str(path) for path in files)
    with _faults_of(merged):
        contexts, current = config.list_kube_config_contexts(merged)
        names = [each["name"] for each in contexts]
        if place.context is not None and place.context not in names:
            raise TargetUnavailableError(
                f"The kubeconfig '{merged}' has no context '{place.context}'.",
                hint=did_you_mean(place.context, names),
            )
        return merged, next((c for c in contexts if c["name"] == place.context), current)


@contextmanager
def _faults_of(files: str) -> Iterator[None]:
    from kubernetes import config

    try:
        yield
    except TargetUnavailableError:
        raise
    except (config.ConfigException, OSError, ValueError, KeyError, TypeError) as error:
        raise _broken(files, error) from error
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            raise _broken(files, error) from error
        raise


def _of_pod(place: Place) -> tuple[Any, str]:
    from kubernetes import client, config

    configuration = client.Configuration()
    config.load_incluster_config(client_configuration=configuration)
    namespace = place.namespace or _POD_NAMESPACE.read_text(encoding="utf-8").strip()
    return client.ApiClient(configuration), namespace


def _broken(files: str, error: Exception) -> TargetUnavailableError:
    said = " ".join(f"{error}".split())
    return TargetUnavailableError(
        f"The kubeconfig '{files}' cannot be used: {said}.",
        hint="Correct it, or name another.",
    )
