"""How two versions of a model differ, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.services.plan import compared

if TYPE_CHECKING:
    from mlmagic.entities import Model, Sample
    from mlmagic.services import Change


def model_differences(before: Model, after: Model) -> tuple[Change, ...]:
    """Say in words how one model differs from another."""
    return tuple(compared(_facts(before), _facts(after)))


def _facts(model: Model) -> dict[str, str]:
    lineage = model.lineage
    facts = {
        "framework": f"{model.framework} {model.framework_version or ''}".strip(),
        "description": model.description,
        "content": f"sha256:{model.digest[:12]}",
        "sample": _sample(model.sample),
        "sample output": _sample(model.sample_output),
        "parent": lineage.parent or "",
        "run": lineage.run_id or "",
        "commit": (lineage.git_commit or "")[:8],
        "python": lineage.python_version or "",
    }
    facts |= {f"file {file.path}": f"sha256:{file.sha256[:12]}" for file in model.files}
    facts |= {f"tag {key}": value for key, value in model.tags.items()}
    facts |= {f"property {key}": value for key, value in model.properties.items()}
    facts |= {f"metric {key}": f"{value:.6g}" for key, value in lineage.metrics.items()}
    facts |= {f"parameter {key}": value for key, value in lineage.params.items()}
    facts |= {f"package {key}": value for key, value in lineage.packages.items()}
    return facts


def _sample(sample: Sample | None) -> str:
    return f"sha256:{sample.content.sha256[:12]}" if sample else ""
