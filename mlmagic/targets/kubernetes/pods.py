"""The pod of a service: one container with the scoring server, as restricted as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.images import serve_command
from mlmagic.images.places import PORT, SECRETS_FOLDER
from mlmagic.scoring.listening import ALL
from mlmagic.targets.kubernetes import naming, taints
from mlmagic.targets.kubernetes.quantities import canonical
from mlmagic.targets.kubernetes.release import ARCHITECTURE, limits_of, requests_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmagic.targets.kubernetes.release import Release

CONTAINER = "server"
TERMINATION_LOG = "/dev/termination-log"
# A folder, for only in a folder a changed Secret appears.
KEYS_FOLDER = "/run/mlmagic/keys"
# A pod that ends is taken out of the Service while it still answers; then it drains.
DRAIN_SECONDS = 30
_MARGIN_SECONDS = 5
_READY_SECONDS = 2
# An autoscaler of nodes leaves nodes alone whose pods have a volume of the node, unless told.
_DISPOSABLE = {"cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": "tmp"}
_LINUX = {"kubernetes.io/os": "linux"}  # nodes of Windows are not always tainted
_PROGRAM_WORDS = 4  # python -P -m mlmagic.scoring
_OPTIONS = ("--grace", f"{DRAIN_SECONDS}", "--failure-file", TERMINATION_LOG)


def pod_template(release: Release) -> Any:
    """Return the ``V1PodTemplateSpec`` of a revision."""
    from kubernetes import client as k8s

    config, spec = release.config, release.spec
    labels = {**naming.labels(spec, config.labels), naming.REVISION: f"{release.pods_revision}"}
    annotations = _DISPOSABLE | ({naming.RESTARTED: release.restarted} if release.restarted else {})
    named = (release.pull_secret, config.image_pull_secret, *release.account_secrets)
    secrets = dict.fromkeys(name for name in named if name)
    kept_to = {ARCHITECTURE: release.architecture} if release.architecture else {}
    return k8s.V1PodTemplateSpec(
        metadata=k8s.V1ObjectMeta(labels=labels, annotations=annotations),
        spec=k8s.V1PodSpec(
            containers=[_container(release)],
            volumes=_volumes(release),
            automount_service_account_token=False if config.service_account is None else None,
            service_account_name=config.service_account or release.account or None,
            enable_service_links=False,
            image_pull_secrets=[k8s.V1LocalObjectReference(name=name) for name in secrets] or None,
            priority_class_name=config.priority_class,
            node_selector={**_LINUX, **kept_to, **config.node_selector},
            tolerations=[_toleration(text) for text in config.tolerations] or None,
            topology_spread_constraints=_spread(spec.name),
            affinity=_away(spec.name),
            termination_grace_period_seconds=(
                config.pre_stop_seconds + DRAIN_SECONDS + _MARGIN_SECONDS
            ),
            # The image names the user; a cluster may put another number in its place.
            security_context=k8s.V1PodSecurityContext(
                run_as_non_root=True,
                seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
            ),
        ),
    )


def _container(release: Release) -> Any:
    from kubernetes import client as k8s

    config = release.config
    keys_file = f"{KEYS_FOLDER}/keys.json"
    # Pods of some clusters have addresses of IPv6 alone.
    command = serve_command(release.spec, keys_file=keys_file, address=ALL)
    return k8s.V1Container(
        name=CONTAINER,
        image=release.image,
        image_pull_policy="IfNotPresent",
        command=list(command[:_PROGRAM_WORDS]),
        args=[*command[_PROGRAM_WORDS:], *_OPTIONS],
        ports=[k8s.V1ContainerPort(name="http", container_port=PORT, protocol="TCP")],
        resources=_resources(release),
        startup_probe=_probe("/ready", period=1, timeout=2, failures=config.start_timeout_seconds),
        readiness_probe=_probe("/ready", period=_READY_SECONDS, timeout=2, failures=3),
        liveness_probe=_probe(
            "/live",
            period=config.liveness_period_seconds,
            timeout=config.liveness_timeout_seconds,
            failures=config.liveness_failures,
            delay=config.liveness_delay_seconds or None,
        ),
        lifecycle=k8s.V1Lifecycle(
            pre_stop=k8s.V1LifecycleHandler(
                sleep=k8s.V1SleepAction(seconds=config.pre_stop_seconds)
            )
        ),
        termination_message_path=TERMINATION_LOG,
        security_context=k8s.V1SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=k8s.V1Capabilities(drop=["ALL"]),
        ),
        volume_mounts=_mounts(release),
    )


def _resources(release: Release) -> Any:
    from kubernetes import client as k8s

    asked, limits = requests_of(release.config), limits_of(release.config)
    kept = {name: value for name, value in asked.items() if name not in release.left_out}
    return k8s.V1ResourceRequirements(requests=_written(kept), limits=_written(limits))


def _written(amounts: Mapping[str, str]) -> dict[str, str] | None:
    return {name: canonical(amount) for name, amount in amounts.items()} or None


def _probe(path: str, *, period: int, timeout: int, failures: int, delay: int | None = None) -> Any:
    from kubernetes import client as k8s

    return k8s.V1Probe(
        http_get=k8s.V1HTTPGetAction(path=path, port="http"),
        period_seconds=period,
        timeout_seconds=timeout,
        failure_threshold=failures,
        initial_delay_seconds=delay,
    )


def _secrets(release: Release) -> dict[str, tuple[str, str]]:
    """Return the Secrets that are mounted: volume to Secret and folder."""
    found = {}
    if release.config.auth == "key":
        found["keys"] = (naming.keys_name(release.spec.name), KEYS_FOLDER)
    if release.spec.secrets:
        name = naming.secrets_name(release.spec.name, release.spec.secrets)
        found["secrets"] = (name, SECRETS_FOLDER)
    return found


def _volumes(release: Release) -> list[Any]:
    from kubernetes import client as k8s

    volumes = [k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource())]
    for name, (secret, _) in _secrets(release).items():
        source = k8s.V1SecretVolumeSource(secret_name=secret, default_mode=0o440)
        volumes.append(k8s.V1Volume(name=name, secret=source))
    return volumes


def _mounts(release: Release) -> list[Any]:
    from kubernetes import client as k8s

    mounts = [k8s.V1VolumeMount(name="tmp", mount_path="/tmp")]  # noqa: S108 - the pod's own
    mounts += [
        k8s.V1VolumeMount(name=name, mount_path=folder, read_only=True)
        for name, (_, folder) in _secrets(release).items()
    ]
    return mounts


def _spread(name: str) -> list[Any]:
    """Spread the pods over nodes, as far as that can be had."""
    from kubernetes import client as k8s

    return [
        k8s.V1TopologySpreadConstraint(
            max_skew=1,
            topology_key="kubernetes.io/hostname",
            when_unsatisfiable="ScheduleAnyway",
            label_selector=k8s.V1LabelSelector(match_labels=naming.selector(name)),
            # Pods of the revision that goes do not count.
            match_label_keys=["pod-template-hash"],
        )
    ]


def _away(name: str) -> Any:
    """Keep the pods in several zones, where there are some.

    A second constraint of spreading would void the first one on nodes without zones.
    """
    from kubernetes import client as k8s

    term = k8s.V1PodAffinityTerm(
        topology_key="topology.kubernetes.io/zone",
        label_selector=k8s.V1LabelSelector(match_labels=naming.selector(name)),
    )
    wish = k8s.V1WeightedPodAffinityTerm(weight=50, pod_affinity_term=term)
    apart = k8s.V1PodAntiAffinity(preferred_during_scheduling_ignored_during_execution=[wish])
    return k8s.V1Affinity(pod_anti_affinity=apart)


def _toleration(text: str) -> Any:
    from kubernetes import client as k8s

    taint = taints.parse(text)
    return k8s.V1Toleration(
        key=taint.key,
        operator="Exists" if taint.value is None else "Equal",
        value=taint.value or None,
        effect=taint.effect or None,
    )
