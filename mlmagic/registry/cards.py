"""The card of a model, in the form of Hugging Face's: what is known of it, in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlmagic.registry.naming import service_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.entities import Model

_SAMPLE = 2000  # characters of a sample that are shown
_FILES = 100  # that are shown
# What Hugging Face calls the libraries that it knows.
_LIBRARIES = {"scikit-learn": "sklearn"}
_LICENCES = ("license", "licence")


def make_card(model: Model, read: Callable[[Any], bytes]) -> str:
    """Write the card of a model from what is known of it.

    Args:
        model: The version.
        read: Returns a content, such as that of the sample.

    Returns:
        Markdown with a front matter that Hugging Face reads.
    """
    sections = (
        _lines("", model.description),
        _lines("Deploy", _deploy(model)),
        _lines("Inputs and outputs", _schema(model), _sample(model, read)),
        _table("Format", model.facts),
        _table("Metrics", {k: f"{v:.6g}" for k, v in model.lineage.metrics.items()}),
        _table("Parameters", model.lineage.params),
        _table("Data", {k: ", ".join(v) for k, v in model.lineage.datasets.items()}),
        _table("Where it comes from", _origin(model)),
        _table("Files", _files(model)),
        _table("Safety", _safety(model)),
        _lines("Requirements", _fenced("", "\n".join(model.requirements))),
    )
    title = f"# {model.name}, version {model.version}\n"
    return "\n".join((_front_matter(model), title, *(each for each in sections if each)))


def _front_matter(model: Model) -> str:
    import yaml

    metrics = [
        {"type": name, "name": name, "value": value}
        for name, value in model.lineage.metrics.items()
    ]
    facts: dict[str, Any] = {"tags": [f"{key}:{value}" for key, value in model.tags.items()]}
    if model.framework not in ("custom", "multi"):
        facts["library_name"] = _LIBRARIES.get(model.framework, model.framework)
    words = {**model.tags, **model.properties}
    licence = next((words[each] for each in _LICENCES if each in words), None)
    if licence is not None:
        facts["license"] = licence
    if model.lineage.parent:
        facts["base_model"] = model.lineage.parent
    if metrics:
        # A result belongs to a task and data there; what we do not know is said so.
        data = ", ".join(model.lineage.datasets.get("validation", ())) or "not recorded"
        results = {
            "task": {"type": model.tags.get("task", "other")},
            "dataset": {"name": data, "type": "other"},
            "metrics": metrics,
        }
        facts["model-index"] = [{"name": model.name, "results": [results]}]
    text = yaml.safe_dump(facts, sort_keys=True, allow_unicode=True)
    return f"---\n{text}---\n"


def _deploy(model: Model) -> str:
    what, how = ("model", "load_model") if model.loader else ("path", "get_model_path")
    lines = ["%%score_script score.py", f"from mlmagic.scoring import {how}", ""]
    load = f'{what} = {how}("{model.name}")'
    lines += ["def init():", f"    global {what}", f"    {load}", "", "def run(data): ..."]
    deploy = f"%deploy {service_name(model.name)} --model {model.id} --script score.py"
    return _fenced("python", "\n".join(lines)) + _fenced("python", deploy)


def _schema(model: Model) -> str:
    return "".join(
        f"{kind.capitalize()}:\n\n" + _fenced("json", json.dumps(columns, indent=1))
        for kind, columns in model.schema.items()
    )


def _sample(model: Model, read: Callable[[Any], bytes]) -> str:
    if model.sample is None:
        return ""
    shape = " by ".join(map(str, model.sample.shape))
    head = f"Sample ({model.sample.kind}{', ' + shape if shape else ''}):\n\n"
    if model.sample.kind == "bytes":
        return f"{head}{model.sample.content.size} bytes\n"
    text = read(model.sample.content).decode("utf-8", "replace")
    return head + _fenced("json", text if len(text) <= _SAMPLE else f"{text[:_SAMPLE]}…")


def _origin(model: Model) -> dict[str, str]:
    known = model.lineage
    commit = known.git_commit or ""
    facts = {
        "registered": f"{model.created_at:%Y-%m-%d %H:%M} by {model.created_by or 'unknown'}",
        "run": " ".join(filter(None, (known.run_source, known.run_name, known.run_id))),
        "experiment": known.experiment,
        "derived from": known.parent,
        "git commit": f"{commit}{' (with changes)' if known.git_dirty else ''}" if commit else "",
        "notebook": known.notebook,
        "Python": known.python_version,
    }
    return {name: str(value) for name, value in facts.items() if value}


def _files(model: Model) -> dict[str, str]:
    shown = {f"`{file.path}`": f"{file.size} bytes" for file in model.files[:_FILES]}
    more = len(model.files) - len(shown)
    return shown | ({f"and {more} more": ""} if more else {})


def _safety(model: Model) -> dict[str, str]:
    signed = ", ".join(each.path.removesuffix(".sig") for each in model.signatures)
    facts = {
        "loaded as": model.loader or "files; the entry script opens them",
        "digest": f"sha256:{model.digest}",
        "signed by": signed or "nobody",
        "types that the workspace approved": ", ".join(f"`{each}`" for each in model.trusted_types),
    }
    return {name: value for name, value in facts.items() if value}


def _lines(title: str, *parts: str) -> str:
    text = "\n".join(part for part in parts if part)
    if not text:
        return ""
    return f"## {title}\n\n{text}" if title else f"{text}\n"


def _table(title: str, rows: dict[str, str]) -> str:
    if not rows:
        return ""
    body = "".join(f"| {_cell(key)} | {_cell(value)} |\n" for key, value in rows.items())
    return f"## {title}\n\n| | |\n|---|---|\n{body}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _fenced(language: str, text: str) -> str:
    if not text:
        return ""
    fence = "```" if "```" not in text else "~~~~"
    return f"{fence}{language}\n{text}\n{fence}\n"
