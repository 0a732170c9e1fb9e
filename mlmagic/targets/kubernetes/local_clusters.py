"""Clusters on this machine, by kind, minikube, k3d or Docker Desktop: made, and given images."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError, ImagePushError, TargetError
from mlmagic.targets.kubernetes.kubeconfig import chosen_context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmagic.images import Image, Images
    from mlmagic.targets.kubernetes.connection import Place

_SECONDS = 900
_FAULT = re.compile(r"^ERR|^FATA|Exiting due to ")
_STAMP = re.compile(r"^[A-Z]+\[\d+\] ")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # of k3d, in a pipe too
# The name that loaded images have; no registry answers to it.
_DOMAIN = "mlmagic.local"
_DOCKER_DESKTOP = "docker-desktop"
_MINIKUBE = "minikube.sigs.k8s.io"


@dataclass(frozen=True, kw_only=True)
class _Program:
    """How a program makes clusters, and brings images into them.

    Attributes:
        create: Makes the cluster ``{name}``.
        context: The context that it writes for it.
        load: Brings the archive ``{file}`` into it.
        delete: Removes the cluster, or what is left of one.
        images: Lists its images, where ``load`` succeeds whatever comes of it.
    """

    create: tuple[str, ...]
    context: str
    load: tuple[str, ...]
    delete: tuple[str, ...]
    images: tuple[str, ...] = ()


_PROGRAMS = {
    "kind": _Program(
        create=("create", "cluster", "--name", "{name}"),
        context="kind-{name}",
        load=("load", "image-archive", "{file}", "--name", "{name}"),
        delete=("delete", "cluster", "--name", "{name}"),
    ),
    "minikube": _Program(
        create=("start", "--profile", "{name}"),
        context="{name}",
        load=("image", "load", "{file}", "--profile", "{name}"),
        delete=("delete", "--profile", "{name}"),
        # It passes over nodes that do not run, or do not take the image.
        images=("image", "ls", "--profile", "{name}"),
    ),
    "k3d": _Program(
        create=("cluster", "create", "{name}"),
        context="k3d-{name}",
        # In its other mode it passes over nodes that do not take the image.
        load=("image", "import", "{file}", "--cluster", "{name}", "--mode", "direct"),
        delete=("cluster", "delete", "{name}"),
    ),
}


def create_cluster(name: str, *, provider: str | None = None) -> tuple[str, str]:
    """Make a cluster with what is installed.

    Args:
        name: Its name.
        provider: ``kind``, ``minikube`` or ``k3d``; None takes the first that is installed.

    Returns:
        The provider, and the context that it wrote into the kubeconfig.

    Raises:
        ConfigurationError: None of them is installed.
        TargetError: It could not make the cluster; says why in its own words.
    """
    wanted = [provider] if provider else list(_PROGRAMS)
    found = next((program for program in wanted if shutil.which(program)), None)
    if found is None:
        names = f"'{provider}' is not" if provider else "None of kind, minikube and k3d is"
        raise ConfigurationError(
            f"{names} installed, so no cluster can be made here.",
            hint="Attach one that runs: %ml computetarget attach kubernetes -n "
            f"{name} --kubeconfig FILE --context CONTEXT",
        )
    program = _PROGRAMS[found]
    said, _ = _run(found, program.create, name=name)
    if said:
        raise TargetError(
            f"'{found}' could not make the cluster '{name}': {said}.",
            hint=f"Mend what is named, and try again. What it left goes by: {removal(found, name)}",
        )
    return found, program.context.format(name=name)


def delete_cluster(name: str, *, provider: str) -> None:
    """Remove a cluster that `create_cluster` made.

    Raises:
        ConfigurationError: What made it is not installed.
        TargetError: It could not remove it; says why in its own words.
    """
    if not shutil.which(provider):
        raise ConfigurationError(
            f"'{provider}', which made the cluster '{name}', is not installed.",
            hint=f"Install it, or forget the cluster: %ml computetarget detach {name}",
        )
    said, _ = _run(provider, _PROGRAMS[provider].delete, name=name)
    if said:
        raise TargetError(
            f"'{provider}' could not remove the cluster '{name}': {said}.",
            hint="Mend what is named, and try again; or forget it: "
            f"%ml computetarget detach {name}",
        )


def removal(provider: str, name: str) -> str:
    """Return the command that removes a cluster, or what is left of one."""
    return " ".join((provider, *_PROGRAMS[provider].delete)).format(name=name)


@dataclass(frozen=True, kw_only=True)
class Loader:
    """Brings images into a cluster of this machine without a registry.

    Attributes:
        program: ``kind``, ``minikube``, ``k3d``, or ``docker`` for Docker Desktop.
        cluster: The cluster as that program calls it.
    """

    program: str
    cluster: str

    @property
    def missing(self) -> str:
        """What keeps it from working; empty where nothing does."""
        if self.program == "docker" or shutil.which(self.program):
            return ""
        return f"'{self.program}', which loads images into its cluster, is not installed"

    def load(
        self, images: Images, image: Image, service: str, *, on_event: Callable[[str], None]
    ) -> str:
        """Bring an image into the cluster; its name tells its content.

        Returns:
            The reference by which nodes know it.

        Raises:
            ImagePushError: The program did not take it.
        """
        reference = f"{_DOMAIN}/{service}:{image.short}"
        if self.program == "docker":
            from mlmagic.images import Engine, connect

            images.load(image, Engine(connect()), reference, on_event=on_event)
            return reference
        on_event(f"loading {image.size / 1e6:.1f} MB into '{self.cluster}' by {self.program}")
        with tempfile.TemporaryDirectory(prefix="mlmagic-load-") as folder:
            file = Path(folder) / "image.tar"
            images.save(image, file, name=reference)
            self.load_archive(file, reference)
        return reference

    def load_archive(self, file: Path, reference: str) -> None:
        """Bring an image's archive into the cluster.

        Args:
            file: The archive.
            reference: The name that it gives to the image.

        Raises:
            ImagePushError: The program did not take it.
        """
        program = _PROGRAMS[self.program]
        said, _ = _run(self.program, program.load, name=self.cluster, file=str(file))
        if not said and program.images:
            said, there = _run(self.program, program.images, name=self.cluster)
            if not said and reference not in there.split():
                said = "the image is not in the cluster afterwards"
        if said:
            raise ImagePushError(
                f"'{self.program}' could not load the image into '{self.cluster}': {said}.",
                hint="See whether the cluster runs, or give --image-registry HOST/PATH.",
            )


def loader_of(place: Place) -> Loader | None:
    """Return what loads images into a cluster; None where its context names no local one."""
    context = chosen_context(place)
    name = str(context.get("name", ""))
    if name == _DOCKER_DESKTOP:
        return Loader(program="docker", cluster=name)
    if _by_minikube(context):
        return Loader(program="minikube", cluster=name)
    for program in ("kind", "k3d"):
        if name.startswith(f"{program}-"):
            return Loader(program=program, cluster=name.removeprefix(f"{program}-"))
    return None


def _by_minikube(context: dict[str, Any]) -> bool:
    extensions = (context.get("context") or {}).get("extensions") or []
    return any((each.get("extension") or {}).get("provider") == _MINIKUBE for each in extensions)


def _run(program: str, words: Sequence[str], **values: str) -> tuple[str, str]:
    """Run a program; returns what it said against it, empty where it succeeded, and its output."""
    command = [program, *(word.format(**values) for word in words)]
    try:
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it was not done after {_SECONDS // 60} minutes", ""
    if not ran.returncode:
        return "", ran.stdout
    told = _COLOUR.sub("", ran.stderr or ran.stdout)
    said = [line.strip().rstrip(".") for line in told.splitlines() if line.strip()]
    faults = [place for place, line in enumerate(said) if _FAULT.search(line)]
    if not said:
        return f"exit code {ran.returncode}", ran.stdout
    if program == "k3d":  # one after the other, what failed first not the cause
        kept = [_STAMP.sub("", said[place]) for place in faults]
    elif program == "minikube":  # behind the fault comes a box of advice
        kept = [said[place] for place in faults[:1]]
    else:  # behind the fault comes the engine's answer, or kubeadm's with where in it that was
        cause = next((line for line in said if line.startswith("error: ")), said[-1])
        kept = [said[place] for place in faults[:1] if said[place] != cause] + [cause]
    return "; ".join(kept or said[-1:]), ran.stdout
