"""What a deployment would change, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmagic.entities import DeploymentSpec

Action = Literal["create", "update", "retry", "start", "nothing", "replace"]
_VERBS = {
    "create": "will be created",
    "update": "will be updated in place",
    "retry": "did not come up; the same will be tried again",
    "start": "will be started; nothing else changes",
    "nothing": "is up to date; nothing to do",
    "replace": "is on another target; --overwrite replaces it",
}

# Of a new service, the whole is told, not each part.
_PARTS = ("file ", "model ", "package ", "runtime")


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        field: What differs, such as ``models`` or ``config.memory``.
        before: What it is; empty where there is none.
        after: What it would be; empty where it goes away.
    """

    field: str
    before: str
    after: str

    def __str__(self) -> str:
        if not self.before:
            return f"{self.field}: + {self.after}"
        return (
            f"{self.field}: {self.before} → {self.after}"
            if self.after
            else (f"{self.field}: - {self.before}")
        )


@dataclass(frozen=True)
class Plan:
    """What a deployment would do.

    Attributes:
        name: The service.
        action: ``create``, ``update``, ``retry`` (the same failed before), ``start`` (it does
            not run), ``nothing``, or ``replace`` (a service of that name is on another target).
        changes: The differences to the current revision.
        problem: What would stop it, in words; empty where nothing would.
    """

    name: str
    action: Action
    changes: tuple[Change, ...] = ()
    problem: str = ""

    def __str__(self) -> str:
        lines = [f"{self.name} {_VERBS[self.action]}", *(f"  {c}" for c in self.changes)]
        if self.problem:
            lines.append(f"  but: {self.problem}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def differences(before: DeploymentSpec | None, after: DeploymentSpec) -> tuple[Change, ...]:
    """Say in words how two specifications differ; None stands for no service."""
    if before is None:
        new = _facts(after)
        shown = {key: value for key, value in new.items() if not key.startswith(_PARTS)}
        shown["packages"] = str(len(after.lock.packages))
        return tuple(compared({}, shown))
    return tuple(compared(_facts(before), _facts(after)))


def compared(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """Tell the facts that differ."""
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key, ""), new.get(key, "")
        if before != after:
            yield Change(key, before, after)


def _facts(spec: DeploymentSpec) -> dict[str, str]:
    """Flatten a specification into names and short texts; values of secrets stay away."""
    facts = {
        "target": spec.target,
        "models": ", ".join(model.id for model in spec.models),
        "script": spec.source.entry_script,
        "source directory": spec.source.name or "",
        "runtime": spec.runtime[:6],
        "description": spec.description,
    }
    facts |= {f"model {m.id}": f"sha256:{m.digest[:6]}" for m in spec.models}
    facts |= {f"file {file.path}": f"sha256:{file.sha256[:6]}" for file in spec.source.files}
    facts["python"] = spec.lock.python_version
    facts |= {f"package {name}": version for name, version in spec.lock.packages.items()}
    facts["environment"] = spec.lock.short
    facts |= {f"config.{key}": _text(value) for key, value in vars(spec.config).items()}
    facts["sample"] = f"sha256:{spec.sample.content.sha256[:6]}" if spec.sample else ""
    facts |= {f"variable {name}": value for name, value in spec.variables.items()}
    facts |= {f"secret {name}": f"sha256:{value[:6]}" for name, value in spec.secrets.items()}
    facts |= {f"tag {name}": value for name, value in spec.tags.items()}
    facts |= {f"property {name}": value for name, value in spec.properties.items()}
    return facts


def _text(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(str(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={part}" for name, part in value.items())
    return "" if value is None else str(value)
