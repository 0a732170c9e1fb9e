"""Options that stand for several fields of a deployment configuration, or differ by target."""

from __future__ import annotations

from typing import Any

from mlmagic.errors import ConfigurationError

NVIDIA = "nvidia.com/gpu"
_V1_FEWEST, _V1_MOST = 1, 10
_SCALER = ("autoscale_min", "autoscale_max", "autoscale_target", "autoscale_requests")


def expand(values: dict[str, Any], compute_type: str) -> dict[str, Any]:
    """Return the fields that options mean for a kind of target.

    Args:
        values: What was given, by the options' names.
        compute_type: The kind of target.

    Raises:
        ConfigurationError: They contradict each other; all that is wrong is named.

    Example:
        >>> expand({"cpu": "0.5:1", "autoscale": (2, 10)}, "kubernetes")
        {'cpu': '0.5', 'cpu_limit': '1', 'autoscale_min': 2, 'autoscale_max': 10}
    """
    found = _limits(values)
    if compute_type != "kubernetes":
        if "replicas" in found:
            found.setdefault("workers", found.pop("replicas"))
        return found
    found.pop("liveness_successes", None)  # 1, as Kubernetes wants it
    found.pop("token_auth_enabled", None)  # not asked for
    if (count := found.pop("gpus", None)) is not None and f"{count}" != "0":
        found["accelerators"] = {NVIDIA: count, **found.get("accelerators", {})}
    if "accelerators" in found:
        found["accelerators"] = {name: _whole(n) for name, n in found["accelerators"].items()}
    return _scaling(found)


def _limits(values: dict[str, Any]) -> dict[str, Any]:
    """Part ``REQUEST:LIMIT`` and ``MIN:MAX``."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in ("cpu", "memory") and ":" in value:
            found[name], _, found[f"{name}_limit"] = value.partition(":")
        elif name == "autoscale":
            found["autoscale_min"], found["autoscale_max"] = value
        else:
            found[name] = value
    return found


def _scaling(found: dict[str, Any]) -> dict[str, Any]:
    """Follow v1's rules of ``autoscaleEnabled``, where it is given."""
    enabled = found.pop("autoscale_enabled", None)
    given = [name for name in _SCALER if name in found]
    wrong = []
    if enabled is None:
        if "autoscale_min" in found and "autoscale_max" not in found:
            found["autoscale_max"] = max(_V1_MOST, found["autoscale_min"])
        return found
    if enabled:
        if "replicas" in found:
            wrong.append("a fixed number of replicas and autoscaling exclude each other")
        found.setdefault("autoscale_min", _V1_FEWEST)
        found.setdefault("autoscale_max", max(_V1_MOST, found["autoscale_min"]))
    else:
        wrong += [f"'{name}' is provided without enabling autoscaling" for name in given]
        if "replicas" not in found:
            wrong.append("without autoscaling the number of replicas has to be given")
    if wrong:
        raise ConfigurationError(
            "The deployment configuration contradicts itself: " + "; ".join(wrong) + "."
        )
    return found


def _whole(value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        raise ConfigurationError(
            f"'{value}' is not a number of accelerators.", hint="A pod gets a whole number."
        ) from None
