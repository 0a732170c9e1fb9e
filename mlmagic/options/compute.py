"""The verbs of compute targets."""

from __future__ import annotations

from mlmagic.options.option import Option
from mlmagic.options.values import last_part
from mlmagic.options.verb import Verb

_KIND = Option(
    name="compute_type",
    help="its kind: 'kubernetes' (in v1's words 'aks')",
    metavar="KIND",
    required=True,
    choices=("kubernetes", "aks"),
)
_NEW = Option(
    name="name",
    flags=("-n", "--name"),
    help="what it shall be called",
    required=True,
)
_NAME = (
    Option(
        name="name", help="the compute target", metavar="TARGET", required=True, complete="target"
    ),
    Option(name="name", flags=("-n", "--name"), help="the compute target", complete="target"),
)
_NAMESPACE = Option(
    name="namespace", flags=("--namespace",), help="where objects are made (default: the context's)"
)
_REGISTRY = Option(
    name="image_registry",
    flags=("--image-registry",),
    help="where images for it are pushed",
    metavar="HOST/PATH",
)

COMPUTE_VERBS = (
    Verb(
        path=("computetarget", "attach"),
        method="attach_compute_target",
        help="Keep a cluster under a name, to deploy to it.",
        result="ComputeTarget",
        options=(
            _KIND,
            _NEW,
            Option(
                name="kubeconfig",
                flags=("--kubeconfig",),
                help="how it is reached (default: as kubectl, or the pod's service account)",
                kind="path",
                metavar="FILE",
                complete="path",
            ),
            Option(
                name="context", flags=("--context",), help="of that file (default: its current one)"
            ),
            Option(
                name="context",
                flags=("-i", "--compute-resource-id"),
                help="the same in v1's words: the cluster's name at the end is the context's",
                metavar="ID",
                convert=last_part,
            ),
            _NAMESPACE,
            _REGISTRY,
        ),
        examples=("computetarget attach kubernetes -n prod --context prod --namespace ml",),
    ),
    Verb(
        path=("computetarget", "create"),
        method="create_compute_target",
        help="Make a cluster on this machine with kind, minikube or k3d, and attach it.",
        result="ComputeTarget",
        options=(
            _KIND,
            _NEW,
            Option(
                name="provider",
                flags=("--provider",),
                help="what makes it (default: the first that is installed)",
                kind="choice",
                choices=("kind", "minikube", "k3d"),
            ),
            _NAMESPACE,
            _REGISTRY,
        ),
        examples=("computetarget create kubernetes -n try-out",),
    ),
    Verb(
        path=("computetarget", "list"),
        aliases=(("computetargets",),),
        method="list_compute_targets",
        help="List the compute targets.",
        result="list of ComputeTarget",
        examples=("computetarget list",),
    ),
    Verb(
        path=("computetarget", "show"),
        method="show_compute_target",
        help="Show a compute target.",
        result="ComputeTarget",
        options=_NAME,
        examples=("computetarget show prod",),
    ),
    Verb(
        path=("computetarget", "check"),
        method="check_compute_target",
        help="Look at what a cluster has and allows, and say what is missing.",
        result="DoctorReport; YAML with --rbac",
        options=(
            Option(
                name="name",
                help="the compute target (default: kubernetes)",
                metavar="TARGET",
                complete="target",
            ),
            Option(name="name", flags=("-n", "--name"), help="the same", complete="target"),
            Option(
                name="rbac",
                flags=("--rbac",),
                help="show the RBAC objects, as YAML, that allow no more than what is needed",
                kind="flag",
            ),
            Option(
                name="image_pull_secret",
                flags=("--image-pull-secret",),
                help="a Secret with which nodes pull images, to look at and to try (default: those "
                "that services name)",
            ),
        ),
        examples=("computetarget check prod", "computetarget check prod --rbac"),
    ),
    Verb(
        path=("computetarget", "detach"),
        method="detach_compute_target",
        help="Forget a compute target; the cluster stays as it is.",
        result="None",
        done="{name}  detached",
        options=_NAME,
        examples=("computetarget detach prod",),
    ),
    Verb(
        path=("computetarget", "delete"),
        method="delete_compute_target",
        help="Remove a cluster that 'computetarget create' made, with all that runs in it.",
        result="None",
        done="{name}  deleted",
        options=_NAME,
        examples=("computetarget delete try-out",),
    ),
)
