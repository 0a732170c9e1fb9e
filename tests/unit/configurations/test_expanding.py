"""Options that stand for several fields, and v1's rules of autoscaling."""

from __future__ import annotations

import pytest

from mlmagic.configurations import expand, parse
from mlmagic.errors import ConfigurationError

V1_AKS = """
{"computeType": "AKS",
 "autoScaler": {"autoscaleEnabled": true, "minReplicas": 1, "maxReplicas": 3,
                "refreshPeriodInSeconds": 1, "targetUtilization": 70},
 "dataCollection": {"storageEnabled": true},
 "authEnabled": true,
 "containerResourceRequirements": {"cpu": 0.5, "cpuLimit": 1, "memoryInGB": 1.0,
                                   "memoryInGBLimit": 2},
 "gpuCores": 2, "scoringTimeoutMs": 1000, "maxConcurrentRequestsPerContainer": 2,
 "maxQueueWaitMs": 50, "namespace": "ml",
 "livenessProbeRequirements": {"periodSeconds": 5, "initialDelaySeconds": 310,
                               "timeoutSeconds": 3, "successThreshold": 1,
                               "failureThreshold": 4}}
"""


def test_the_whole_of_v1s_configuration_for_aks() -> None:
    read = parse("deployment", V1_AKS, name="dc")
    assert read.compute_type == "aks"
    assert expand(read.values, "kubernetes") == {
        "auth": "key",
        "autoscale_min": 1,
        "autoscale_max": 3,
        "autoscale_target": 70,
        "cpu": "0.5",
        "cpu_limit": "1",
        "memory": "1000M",
        "memory_limit": "2000M",
        "accelerators": {"nvidia.com/gpu": 2},
        "scoring_timeout_ms": 1000,
        "queue_wait_ms": 50,
        "threads": 2,
        "namespace": "ml",
        "liveness_period_seconds": 5,
        "liveness_delay_seconds": 310,
        "liveness_timeout_seconds": 3,
        "liveness_failures": 4,
    }
    told = " ".join(problem.message for problem in read.warnings)
    assert "refreshPeriodInSeconds" in told
    assert read.variables == {"AML_MODEL_DC_STORAGE_ENABLED": "true"}


def test_what_makes_no_difference_is_told_and_not_used() -> None:
    keys = '"appInsightsEnabled": true, "blobfuseEnabled": true'
    read = parse("deployment", f'{{"computeType": "aks", {keys}}}', name="dc")
    assert expand(read.values, "kubernetes") == {}
    told = " ".join(problem.message for problem in read.warnings)
    assert "appInsightsEnabled" in told
    assert "blobfuseEnabled" in told


def test_a_liveness_that_has_to_succeed_twice_is_refused() -> None:
    text = '{"computeType": "aks", "livenessProbeRequirements": {"successThreshold": 2}}'
    with pytest.raises(ConfigurationError, match="successThreshold"):
        parse("deployment", text, name="dc")


@pytest.mark.parametrize(
    ("key", "way_out"),
    [
        ("isDefault", "%ml service update"),
        ("is_default", "%ml service update"),
        ("versionName", "a service of its own"),
        ("trafficPercentile", "an Ingress or Gateway"),
        ("tokenAuthEnabled", "keys are"),
    ],
)
def test_what_cannot_be_expressed_is_refused_by_name(key: str, way_out: str) -> None:
    with pytest.raises(ConfigurationError, match=key) as caught:
        parse("deployment", f'{{"computeType": "aks", "{key}": true}}', name="dc")
    assert way_out in str(caught.value)
    parse("deployment", f'{{"computeType": "aks", "{key}": false}}', name="dc")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cpu": "0.5:1"}, {"cpu": "0.5", "cpu_limit": "1"}),
        ({"memory": "512Mi:1Gi"}, {"memory": "512Mi", "memory_limit": "1Gi"}),
        ({"autoscale": (2, 10)}, {"autoscale_min": 2, "autoscale_max": 10}),
        ({"autoscale_enabled": True}, {"autoscale_min": 1, "autoscale_max": 10}),
        ({"autoscale_enabled": False, "replicas": 2}, {"replicas": 2}),
        ({"autoscale_min": 12}, {"autoscale_min": 12, "autoscale_max": 12}),
        ({"gpus": "0"}, {}),
        ({"gpus": "2"}, {"accelerators": {"nvidia.com/gpu": 2}}),
        ({"accelerators": {"example.com/fpga": "1"}}, {"accelerators": {"example.com/fpga": 1}}),
    ],
)
def test_what_stands_for_several_fields(
    values: dict[str, object], expected: dict[str, object]
) -> None:
    assert expand(values, "kubernetes") == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"autoscale_enabled": True, "replicas": 2}, "exclude each other"),
        ({"autoscale_enabled": False}, "number of replicas has to be given"),
        (
            {"autoscale_enabled": False, "replicas": 1, "autoscale_max": 3},
            "'autoscale_max' is provided without enabling autoscaling",
        ),
        ({"gpus": "all"}, "'all' is not a number of accelerators"),
        ({"accelerators": {"nvidia.com/gpu": "two"}}, "'two' is not a number of accelerators"),
    ],
)
def test_contradictions_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        expand(values, "kubernetes")


def test_replicas_are_workers_of_this_machine() -> None:
    assert expand({"replicas": 3}, "local") == {"workers": 3}


def test_tokens_are_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"'tokenAuthEnabled'.*tokens are not issued"):
        parse("deployment", '{"computeType": "aks", "tokenAuthEnabled": true}', name="dc")
