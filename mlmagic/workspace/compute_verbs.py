"""The verbs of compute targets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.entities import ComputeTarget
from mlmagic.errors import ConfigurationError, MlmagicError, TargetError
from mlmagic.targets.attached import BUILTIN, check_name
from mlmagic.workspace.rooms import Rooms, looks

if TYPE_CHECKING:
    from mlmagic.entities import DoctorReport


class ComputeVerbs(Rooms):
    """Attach, list, look at, make and forget compute targets."""

    def attach_compute_target(
        self,
        compute_type: str,
        name: str,
        *,
        kubeconfig: str | None = None,
        context: str | None = None,
        namespace: str | None = None,
        image_registry: str | None = None,
        provider: str = "attached",
    ) -> ComputeTarget:
        """Keep a cluster under a name; that it answers is made sure of first.

        Args:
            compute_type: ``kubernetes``; v1's ``aks`` means the same.
            name: 3 to 24 letters, digits and ``-``.
            kubeconfig: File; None takes ``KUBECONFIG``, ``~/.kube/config``, or inside a pod its
                service account.
            context: Of that file; None takes its current one.
            namespace: Where objects are made; None takes the context's.
            image_registry: Where images for it are pushed, ``HOST/PATH``.
            provider: What made the cluster.

        Returns:
            The compute target, with the report of what is there and what is allowed.

        Raises:
            ConfigurationError: The name is not allowed.
            TargetUnavailableError: The cluster cannot be reached; nothing is kept.
        """
        from mlmagic.targets.kubernetes.connection import Place, connect

        check_name(name)
        _require_kubernetes(compute_type)
        if kubeconfig is not None:
            kubeconfig = str(Path(kubeconfig).expanduser().resolve())
        place = Place(kubeconfig=kubeconfig, context=context, namespace=namespace)
        connection = connect(place, name=name)
        connection.require_namespace()
        attached = ComputeTarget(
            name=name,
            compute_type="kubernetes",
            kubeconfig=kubeconfig,
            context=context,
            namespace=connection.namespace,
            image_registry=image_registry,
            provider=provider,
            cluster=connection.host,
            created_at=datetime.now(UTC),
        )
        self.attached_targets.keep(attached)
        self._forget_known_targets()
        return replace(attached, report=self._examine(attached))

    def create_compute_target(
        self,
        compute_type: str,
        name: str,
        *,
        provider: str | None = None,
        namespace: str | None = None,
        image_registry: str | None = None,
    ) -> ComputeTarget:
        """Make a cluster on this machine with kind, minikube or k3d, and attach it.

        Args:
            compute_type: ``kubernetes``; v1's ``aks`` means the same.
            name: As for `attach_compute_target`; the cluster's, too.
            provider: What makes it; None takes the first that is installed.
            namespace: Where objects are made; the new cluster is given it. None is ``default``.
            image_registry: Where images for it are pushed; None loads them by the provider.

        Raises:
            ConfigurationError: None of them is installed, which says how to attach one that runs;
                or the name is taken, or the namespace's not allowed.
            TargetError: It could not be made or, once made, not be attached; nothing is kept.
        """
        from mlmagic.targets.kubernetes.checking import wrong_namespace
        from mlmagic.targets.kubernetes.connection import Place, connect
        from mlmagic.targets.kubernetes.local_clusters import create_cluster, removal

        check_name(name)
        _require_kubernetes(compute_type)
        if bad := wrong_namespace(namespace):
            raise ConfigurationError(f"{bad}.")
        if name in self.targets:
            raise ConfigurationError(
                f"A compute target '{name}' is there already.",
                hint="Choose another name, or take that one away: %ml computetarget detach "
                f"{name} (or delete, where 'create' made it)",
            )
        made, context = create_cluster(name, provider=provider)
        try:
            if namespace is not None:
                connect(Place(context=context), name=name).make_namespace(namespace)
            return self.attach_compute_target(
                compute_type,
                name,
                context=context,
                namespace=namespace,
                image_registry=image_registry,
                provider=made,
            )
        except MlmagicError as error:
            raise TargetError(
                f"'{made}' made the cluster '{name}', but it cannot be attached: {error.message}",
                hint=f"Attach it: %ml computetarget attach kubernetes -n {name} --context "
                f"{context}; or remove it: {removal(made, name)}",
            ) from error

    def list_compute_targets(self) -> list[ComputeTarget]:
        """List the compute targets: those that are always there, and those attached."""
        builtin = [
            self.show_compute_target(name) for name in sorted(self.targets) if name in BUILTIN
        ]
        return [*builtin, *(self.attached_targets.list() if self.exists else [])]

    def show_compute_target(self, name: str) -> ComputeTarget:
        """Return one compute target.

        Raises:
            TargetNotFoundError: There is none of this name; the message names the nearest.
        """
        kind: Any = self.targets.compute_type(name)
        if name in BUILTIN:
            return ComputeTarget(name=name, compute_type=kind)
        return self.attached_targets.get(name)

    @looks
    def detach_compute_target(self, name: str) -> None:
        """Forget a compute target; the cluster and what runs in it stay as they are.

        Raises:
            TargetNotFoundError: None of this name was attached.
            TargetError: Services of this workspace run there.
        """
        self._require_unused(name)
        self.attached_targets.forget(name)
        self._forget_known_targets()

    @looks
    def delete_compute_target(self, name: str) -> None:
        """Remove a cluster that `create_compute_target` made, with all that runs in it.

        Raises:
            TargetNotFoundError: None of this name was made.
            ConfigurationError: What made it is not installed any more.
            TargetError: It was attached, services of this workspace run there, or it cannot be
                removed; nothing is forgotten.
        """
        from mlmagic.targets.kubernetes.local_clusters import delete_cluster

        made = self._require_unused(name)
        if made.provider == "attached":
            raise TargetError(
                f"The compute target '{name}' was attached, so its cluster stays.",
                hint=f"Forget it: %ml computetarget detach {name}",
            )
        delete_cluster(name, provider=made.provider)
        self.detach_compute_target(name)

    def _require_unused(self, name: str) -> ComputeTarget:
        found = self.attached_targets.get(name)
        users = [record.name for record in self.services.readable() if record.target == name]
        if users:
            raise TargetError(
                f"The compute target '{name}' has services: {', '.join(users)}.",
                hint=f"Delete them first: %ml service delete {users[0]}",
            )
        return found

    def check_compute_target(
        self, name: str = "kubernetes", *, rbac: bool = False, image_pull_secret: str | None = None
    ) -> DoctorReport | str:
        """Look at what a cluster has and allows, in words.

        Args:
            name: The compute target.
            rbac: Return the objects, as YAML, that allow no more than what is needed.
            image_pull_secret: Secret of the namespace with which nodes pull images, to look at and
                to try; None looks at those that services name.

        Raises:
            TargetNotFoundError: There is none of this name.
            ConfigurationError: It is no cluster.
        """
        found = self.show_compute_target(name)
        _require_kubernetes(found.compute_type)
        if rbac:
            import yaml

            from mlmagic.targets.kubernetes.permissions import rules

            return yaml.safe_dump_all(rules(found.namespace or "default"), sort_keys=False)
        return self._examine(found, image_pull_secret)

    def _examine(self, target: ComputeTarget, pull_secret: str | None = None) -> DoctorReport:
        from mlmagic.targets.kubernetes.connection import Place
        from mlmagic.targets.kubernetes.examining import examine_cluster

        place = Place(
            kubeconfig=target.kubeconfig, context=target.context, namespace=target.namespace
        )
        registry = target.image_registry or self.settings.image_registry
        return examine_cluster(place, name=target.name, registry=registry, pull_secret=pull_secret)

    def _forget_known_targets(self) -> None:
        """Let the table of targets, and what holds it, be made anew."""
        for room in ("targets", "services"):
            self.__dict__.pop(room, None)


def _require_kubernetes(compute_type: str) -> None:
    if compute_type.lower() not in ("kubernetes", "aks"):
        raise ConfigurationError(
            f"A compute target of the kind '{compute_type}' needs no attaching.",
            hint="Attached are clusters: 'kubernetes' (in v1's words 'aks').",
        )
