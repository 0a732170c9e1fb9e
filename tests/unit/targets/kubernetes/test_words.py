"""What Kubernetes says, in our words: schedulers, kubelets, API servers; their own sentences."""

from __future__ import annotations

import json

import pytest

from mlmagic.entities import KubernetesDeploymentConfig as Config
from mlmagic.entities import Reason
from mlmagic.errors import MlmagicError, TargetUnavailableError
from mlmagic.targets.kubernetes.evicting import eviction
from mlmagic.targets.kubernetes.faults import NoDryRunError, ServerFailedError, refused
from mlmagic.targets.kubernetes.observing import Node, Pod
from mlmagic.targets.kubernetes.scheduling import unschedulable
from mlmagic.targets.kubernetes.taints import Taint

ML = Taint(key="dedicated", value="ml", effect="NoSchedule")
FULL = Taint(key="node.kubernetes.io/disk-pressure", value="", effect="NoSchedule")
CLOSED = Taint(key="node.kubernetes.io/unschedulable", value="", effect="NoSchedule")
SOFT = Taint(key="dedicated", value="ml", effect="PreferNoSchedule")
TAINTED = (
    "0/3 nodes are available: 3 node(s) had untolerated taint(s). no new claims to deallocate, "
    "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)


def node(*taints: Taint, cpu: str = "4") -> Node:
    return Node(name="n", allocatable={"cpu": cpu}, taints=taints)


def pod(said: str, **asks: float) -> Pod:
    return Pod(name="svc-1", uid="1", revision=1, unschedulable=said, asks=asks)


@pytest.mark.parametrize(
    ("said", "config", "nodes", "words", "way_out"),
    [
        (TAINTED, Config(), (node(ML), node(ML), node(FULL)),
         ("no node takes the pod: the taint 'dedicated=ml:NoSchedule' keeps it off 2 nodes, "
         "1 node is short of disk space"),
         "Deploy with --toleration dedicated=ml:NoSchedule, or ask who runs the cluster"),
        # What is tolerated already, or only avoided, keeps nothing away.
        (TAINTED, Config(tolerations=("dedicated",)), (node(ML), node(SOFT), node(FULL)),
         "no node takes the pod: 1 node is short of disk space", ""),
        (TAINTED, Config(tolerations=("dedicated=web",)), (node(ML),),
         "no node takes the pod: the taint 'dedicated=ml:NoSchedule' keeps it off 1 node",
         "Deploy with --toleration dedicated=ml:NoSchedule, or ask who runs the cluster"),
        # Nodes that may not be looked at: the scheduler of Kubernetes 1.34, and one before it.
        (TAINTED, Config(), None,
         "no node takes the pod: taints that it does not tolerate keep it off 3 nodes",
         "Deploy with --toleration KEY=VALUE:EFFECT, or ask who runs the cluster"),
        (("0/2 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/"
         "disk-pressure: }, 1 node(s) had untolerated taint {dedicated: ml}. preemption: 0/2 …"),
         Config(), None,
         ("no node takes the pod: 1 node is short of disk space, the taint 'dedicated=ml' keeps it "
         "off 1 node"),
         "Deploy with --toleration dedicated=ml, or ask who runs the cluster"),
        ("0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 …", Config(),
         (node(CLOSED),), "no node takes the pod: 1 node is closed for new pods (cordoned)", ""),
        (("0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) didn't match "
         "Pod's node affinity/selector. preemption: 0/2 …"),
         Config(node_selector={"disk": "ssd"}), (node(ML), node()),
         ("no node takes the pod: the taint 'dedicated=ml:NoSchedule' keeps it off 1 node, the "
         "labels 'disk=ssd' are missing on 1 node"),
         "Deploy with --toleration dedicated=ml:NoSchedule, or ask who runs the cluster"),
        ("0/1 nodes are available: 1 node(s) had volume node affinity conflict. preemption: 0/1 …",
         Config(), (node(),),
         "no node takes the pod: 1 node(s) had volume node affinity conflict", ""),
    ],
)  # fmt: skip
def test_no_node_takes_the_pod(
    said: str, config: Config, nodes: tuple[Node, ...] | None, words: str, way_out: str
) -> None:
    assert unschedulable(pod(said), config, nodes) == (Reason.NO_NODE, words, way_out)


def test_a_node_that_is_kept_away_is_no_room() -> None:
    said = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s)."
    nodes = (node(cpu="4"), node(ML, cpu="64"))
    _, words, way_out = unschedulable(pod(said, cpu=8), Config(), nodes)
    assert words == (
        "8 CPUs asked for by a pod, the largest node has 4 CPUs; the taint "
        "'dedicated=ml:NoSchedule' keeps it off 1 node"
    )
    assert (
        way_out == "Deploy with --toleration dedicated=ml:NoSchedule, or ask who runs the cluster"
    )
    _, words, way_out = unschedulable(pod(said, cpu=80), Config(), nodes)
    assert words == "80 CPUs asked for by a pod, the largest node has 4 CPUs"
    assert way_out == ""


def test_disk_that_no_node_has_is_no_accelerator() -> None:
    said = "0/1 nodes are available: 1 Insufficient ephemeral-storage. preemption: 0/1 …"
    asking = pod(said, **{"ephemeral-storage": 2.0**40})
    nodes = (Node(name="n", allocatable={"ephemeral-storage": "50Gi"}),)
    assert unschedulable(asking, Config(), nodes) == (
        Reason.NO_NODE,
        "1024.0 GiB of disk asked for by a pod, the largest node has 50.0 GiB of disk",
        "Deploy with less: --ephemeral-storage; or ask who runs the cluster",
    )


def test_the_way_to_accelerators_that_a_taint_keeps() -> None:
    said = (
        "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint."
    )
    gpus = Taint(key="nvidia.com/gpu", value="present", effect="NoSchedule")
    pool = Node(name="g", allocatable={"nvidia.com/gpu": "4"}, taints=(gpus,))
    asking = pod(said, **{"nvidia.com/gpu": 1})
    reason, words, way_out = unschedulable(asking, Config(), (node(), pool))
    assert reason is Reason.INSUFFICIENT_ACCELERATOR
    assert words == (
        "1 'nvidia.com/gpu' asked for by a pod, no node that takes it has any; the taint "
        "'nvidia.com/gpu=present:NoSchedule' keeps it off 1 node"
    )
    assert way_out.startswith("Deploy with --toleration nvidia.com/gpu=present:NoSchedule,")


@pytest.mark.parametrize(
    ("said", "words", "way_out"),
    [
        ("Pod ephemeral local storage usage exceeds the total limit of containers 20Mi. ",
         "pod 'svc-1' wrote more than the '20Mi' that it may", "'ephemeral-storage'"),
        ('Container server exceeded its local ephemeral storage limit "1.5Gi". ',
         "pod 'svc-1' wrote more than the '1.5Gi' that it may", "/tmp"),
        ('Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". ',
         "pod 'svc-1' wrote more than the '1Gi' that it may", "/tmp"),
        (("The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. "
         "Container server was using 700Mi, request is 512Mi, has larger consumption of memory. "),
         ("node 'node-1' ran out of memory and put pod 'svc-1' out, which used 700Mi and had asked "
         "for 512Mi"), "--memory"),
        ("The node was low on resource: ephemeral-storage. ",
         "node 'node-1' ran out of disk space and put pod 'svc-1' out", "/tmp"),
        ("The node had condition: [DiskPressure]. ",
         "node 'node-1' ran out of disk space and put pod 'svc-1' out", "/tmp"),
        ("The node had condition: [Strange]. ", "The node had condition: [Strange].", ""),
    ],
)  # fmt: skip
def test_a_pod_is_put_out(said: str, words: str, way_out: str) -> None:
    told, next_step = eviction(said, "svc-1", "node-1")
    assert told == words
    assert way_out in next_step


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (403, 'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group',
         TargetUnavailableError),
        (400, 'admission webhook "policy.example" does not support dry run', NoDryRunError),
        (500, "etcdserver: leader changed", ServerFailedError),
        (500, ('Internal error occurred: failed calling webhook "v.example": context deadline '
         "exceeded"), ServerFailedError),
        (503, "apiserver is shutting down", TargetUnavailableError),
    ],
)  # fmt: skip
def test_what_may_pass_is_no_refusal(status: int, said: str, kind: type[MlmagicError]) -> None:
    error = refused(status, json.dumps({"message": said}).encode(), "https://k", "GET /api")
    assert type(error) is kind
    assert said in error.message


def test_a_namespace_that_is_not_there_is_named() -> None:
    body = json.dumps({"message": 'namespaces "nowhere" not found'}).encode()
    error = refused(404, body, "https://k", "PATCH /api/v1/namespaces/nowhere/services/svc")
    assert error.message == "The cluster 'https://k' has no namespace 'nowhere'."
    assert error.hint == "Make it (kubectl create namespace nowhere), or name another."


@pytest.mark.parametrize(
    ("status", "said", "way_out"),
    [
        (400, ('admission webhook "validate.kyverno.svc-fail" denied the request: resource '
         "Deployment/ml/svc was blocked due to the following policies require-requests-limits: "
         "autogen-validate-resources: 'validation error: CPU and memory resource requests and "
         "memory limits are required.'"), "Deploy with limits: --cpu 0.1:1 --memory 512Mi."),
        (403, ('admission webhook "validation.gatekeeper.sh" denied the request: '
         "[container-must-have-limits] container <server> has no resource limits"),
         "Deploy with limits: --cpu 0.1:1 --memory 512Mi."),
        (403, ('pods "svc-1" is forbidden: maximum memory usage per Container is 300Mi, but limit '
         "is 512Mi"), "Deploy with --memory 300Mi."),
        (422, ('Pod "svc-1" is invalid: spec.containers[0].resources.requests: Invalid value: '
         '"1": must be less than or equal to cpu limit of 500m'), "Deploy with --cpu 500m."),
        (403, ('pods "svc-1" is forbidden: failed quota: small: must specify limits.memory for: '
         "server"), "Deploy with limits: --cpu 0.1:1 --memory 512Mi."),
        (403, ('admission webhook "validation.gatekeeper.sh" denied the request: [disk] container '
         "<server> has no ephemeral-storage limit"), "Deploy with --ephemeral-storage 1Gi."),
        (403, ('pods "svc-1" is forbidden: maximum ephemeral-storage usage per Container is 5Gi, '
         "but limit is 9Gi"), "Deploy with --ephemeral-storage 5Gi."),
        (403, "Resource requests and limits have to be set",
         "Deploy with limits: --cpu 0.1:1 --memory 512Mi."),
        (403, "limits must be set for memory", "Deploy with limits: --cpu 0.1:1 --memory 512Mi."),
        (403, ('admission webhook "validation.gatekeeper.sh" denied the request: [repos] an image '
         "of others"), None),
        (403, "resource Deployment/ml/svc was blocked: rate limit of registry lookups exceeded",
         None),
        (422, "metadata.annotations: Too long: size limit is 262144 bytes", None),
    ],
)  # fmt: skip
def test_who_wants_limits_is_answered_with_options(
    status: int, said: str, way_out: str | None
) -> None:
    error = refused(status, json.dumps({"message": said}).encode(), "https://k", "PATCH /apis")
    assert said in error.message
    assert error.hint == way_out
