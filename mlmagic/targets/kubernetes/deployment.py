"""What a process of its own does for a deployment: the image, then the objects."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path  # noqa: TC003 - read at run time
from typing import TYPE_CHECKING

from mlmagic.entities import ServiceRecord  # noqa: TC001 - read at run time
from mlmagic.errors import TargetUnavailableError
from mlmagic.files import read_record, write_record
from mlmagic.targets.jobs import Job
from mlmagic.targets.kubernetes import applying, naming
from mlmagic.targets.kubernetes.connection import Connection, Place, connect
from mlmagic.targets.kubernetes.faults import ServerFailedError
from mlmagic.targets.kubernetes.image import publish, renewed
from mlmagic.targets.kubernetes.objects import Credentials, pull_secret
from mlmagic.targets.kubernetes.owning import own
from mlmagic.targets.kubernetes.recording import keep_record, kept_architecture
from mlmagic.targets.processes import python

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORK = "work.json"
_PATIENCE_SECONDS, _PAUSE_SECONDS = 120.0, 1.0


@dataclass(frozen=True, kw_only=True)
class Work:
    """What there is to do.

    Attributes:
        record: The service.
        kubeconfig: The cluster; with context and namespace.
        content: Folder of the content store.
        cache: Folder of the user's cache.
        environments: Folder of the workspace's environments, to lock for another Python.
        workspace: The workspace.
        registry: Where the image is pushed.
        base_image: What it is built on; None takes the official image.
        image: What the cluster has of the specification; None where it is to be made.
        store: Shared store behind the content store, where there is one.
    """

    record: ServiceRecord
    kubeconfig: str | None
    context: str | None
    namespace: str
    content: Path
    cache: Path
    environments: Path
    workspace: Path
    registry: str
    base_image: str | None = None
    image: str | None = None
    store: str | None = None


def command(folder: Path, work: Work) -> Sequence[str]:
    """Write down what there is to do; returns the command line that does it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder / _WORK, work, mode=0o600)
    return python("-m", "mlmagic.targets.kubernetes", str(folder))


def run(folder: Path) -> int:
    """Do what was written down; returns the exit code."""
    work = read_record(folder / _WORK, Work)
    return Job(folder).carry_out(lambda job: _carry_out(job, work))


def _carry_out(job: Job, work: Work) -> None:
    place = Place(kubeconfig=work.kubeconfig, context=work.context, namespace=work.namespace)
    connection = connect(place)
    if work.image:
        kept_to = kept_architecture(connection, work.record.name, work.image)
        made = work.image, kept_to, renewed(work)
    else:
        made = publish(work, job, connection)
    job.enter("start")
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            _apply(connection, work, *made)
        except (TargetUnavailableError, ServerFailedError) as error:
            # An API server that is started anew is back in a moment, as are a leader of etcd and a
            # webhook; applying again is harmless.
            if time.monotonic() > until:
                raise
            job.enter("start", error.message)
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _apply(
    connection: Connection,
    work: Work,
    image: str,
    architecture: str,
    credentials: Credentials | None,
) -> None:
    record = work.record
    release = replace(keep_record(connection, record), image=image, architecture=architecture)
    name = naming.pull_name(record.name)
    there = own(connection, "Secret", name, record.name)
    if credentials is not None:
        connection.apply(pull_secret(release, credentials))
    named = release.config.image_pull_secret is not None
    if credentials is not None or (work.image and there and not named):
        release = replace(release, pull_secret=name)
    applying.apply_release(connection, release)
