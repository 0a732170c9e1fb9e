"""The image of a service: put together here, pushed to where the nodes pull it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.entities import KubernetesDeploymentConfig
from mlmagic.environments import Relocking
from mlmagic.errors import (
    ConfigurationError,
    ImagePushError,
    MlmagicError,
    TargetUnavailableError,
)
from mlmagic.images import Images
from mlmagic.images.connecting import connect
from mlmagic.images.credentials import find_credentials
from mlmagic.images.engine import Engine
from mlmagic.registry import ContentStore, RemoteStore
from mlmagic.targets.kubernetes.checking import NO_REGISTRY
from mlmagic.targets.kubernetes.connection import Place
from mlmagic.targets.kubernetes.local_clusters import loader_of
from mlmagic.targets.kubernetes.objects import Credentials
from mlmagic.targets.kubernetes.pull_secrets import ends_soon, no_secret
from mlmagic.targets.kubernetes.release import ARCHITECTURE, config_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlmagic.entities import DeploymentSpec
    from mlmagic.targets.jobs import Job
    from mlmagic.targets.kubernetes.connection import Connection
    from mlmagic.targets.kubernetes.deployment import Work


def publish(work: Work, job: Job, connection: Connection) -> tuple[str, str, Credentials | None]:
    """Make the image of a service, and push it or load it into a cluster of this machine.

    Nothing of the deployment configuration goes into it, so that other replicas or limits are
    the same image.

    Args:
        work: What there is to do.
        job: Told stages and progress.
        connection: The cluster, whose nodes say what processors they have.

    Returns:
        The image with its digest, or a loaded one by a tag that tells its content; the processors
        that pods are kept to, empty where all nodes have them; and what nodes need to pull it,
        None where that is nothing.

    Raises:
        ImageError: It cannot be made or pushed.
        TargetUnavailableError: An engine has to build its base, and none answers.
    """
    spec = work.record.spec

    def say(line: str) -> None:
        job.tell(detail=line)

    job.enter("image")
    remote = RemoteStore(work.store) if work.store else None
    environments = Relocking(work.environments, work.cache, work.workspace)
    content = ContentStore(work.content, remote=remote)
    images = Images(work.cache, content=content, environments=environments)
    architecture = _architecture(connection, config_of(spec).node_selector)
    with images.layers.in_use():
        base = images.base(
            config_of(spec).base_image or work.base_image,
            python_version=spec.lock.python_version,
            engine=find_builder(spec),
            architecture=architecture,
            dockerfile=config_of(spec).base_dockerfile,
            standalone=config_of(spec).standalone_python,
            on_event=say,
        )
        kept_to = "" if architecture else base.configuration.architecture
        if kept_to:
            say(f"an image for {kept_to}: nodes with other processors do not get the pods")
        plain = replace(spec, config=KubernetesDeploymentConfig(auth=spec.config.auth))
        image = images.service(plain, base, on_event=say)
        job.enter("push")
        if not work.registry:
            place = Place(kubeconfig=work.kubeconfig, context=work.context)
            loader = loader_of(place)
            if loader is None:
                raise ConfigurationError(NO_REGISTRY)
            return loader.load(images, image, spec.name, on_event=say), kept_to, None
        repository = f"{work.registry}/{spec.name}"
        digest = images.push(image, f"{repository}:{image.short}", on_event=say)
        return f"{repository}@{digest}", kept_to, _credentials(work, say)


def renewed(work: Work) -> Credentials | None:
    """Return the user's credentials for the registry of an image that is there, where known."""
    if not work.registry or not (work.image or "").startswith(f"{work.registry}/"):
        return None
    try:
        return _credentials(work, lambda _line: None)
    except ImagePushError:
        return None  # the nodes have the image, or what they pull it with


def find_builder(spec: DeploymentSpec) -> Engine | None:
    """Return the engine that builds a service's base from lines; None where it has none.

    Raises:
        TargetUnavailableError: No engine answers.
    """
    if config_of(spec).base_dockerfile is None:
        return None
    try:
        return Engine(connect())
    except TargetUnavailableError as error:
        raise TargetUnavailableError(
            f"The base_dockerfile of service '{spec.name}' is built by a Docker engine on this "
            f"machine. {error.message}",
            hint="Build the base where there is one, push it, and name it as base_image.",
        ) from error


def architecture_to_come(
    connection: Connection, spec: DeploymentSpec, images: Images, base_image: str | None
) -> str:
    """Return what processors pods are kept to once an image is made; empty where to none.

    Args:
        connection: The cluster.
        spec: The specification.
        images: What makes the image.
        base_image: What it is built on where the specification does not say.
    """
    config = config_of(spec)
    if _architecture(connection, config.node_selector):
        return ""
    engine = find_builder(spec)
    try:
        base, version = config.base_image or base_image, spec.lock.python_version
        return images.architecture(base, python_version=version, engine=engine)
    finally:
        if engine is not None:
            engine.client.close()


def _architecture(connection: Connection, selector: Mapping[str, str]) -> str | None:
    """Return the processors of the nodes; None where that is not known."""
    try:
        nodes, _ = connection.list("Node")
    except MlmagicError:
        nodes = []
    return architecture_of_nodes(nodes, selector)


def architecture_of_nodes(
    nodes: Sequence[Mapping[str, Any]], selector: Mapping[str, str]
) -> str | None:
    """Return what processors an image has to be for.

    Args:
        nodes: Of the cluster, as its API writes them.
        selector: Labels that a node must have for the service.

    Returns:
        Such as ``arm64``: what the selector asks for, else what the nodes with these labels, or
        all where none has them, have; None where they differ.

    Example:
        >>> architecture_of_nodes([], {"kubernetes.io/arch": "arm64"})
        'arm64'
    """
    linux = [node for node in nodes if node["status"]["nodeInfo"]["operatingSystem"] == "linux"]
    fitting = [
        node for node in linux if selector.items() <= (node["metadata"].get("labels") or {}).items()
    ]
    found = {str(node["status"]["nodeInfo"]["architecture"]) for node in fitting or linux}
    return selector.get(ARCHITECTURE) or (found.pop() if len(found) == 1 else None)


def _credentials(work: Work, say: Callable[[str], None]) -> Credentials | None:
    """Return what the user's Docker configuration or its helper has for a registry.

    None where the user names a Secret: such credentials may expire, and nodes would try them too.
    """
    if config_of(work.record.spec).image_pull_secret is not None:
        return None
    host = work.registry.partition("/")[0]
    login = find_credentials(host, ImagePushError)
    if login.basic is None:
        if login.identity_token is not None:
            say(no_secret(host))
        return None
    if passing := ends_soon(host, login.basic.username):
        say(passing)
    given = (login.basic.username, login.basic.password)
    user, password = (each.decode() if isinstance(each, bytes) else each for each in given)
    return Credentials(registry=host, user=user, password=password)
