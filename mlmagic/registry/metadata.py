"""Tags, properties, and whether a registration is a new version (design: same content)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlmagic.addresses import public
from mlmagic.entities import Model, Registration
from mlmagic.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def text_pairs(kind: str, pairs: Mapping[str, str] | None) -> dict[str, str]:
    """Check that tags or properties are texts.

    Raises:
        RegistryError: They are not a mapping, a key is empty, or a value is not plain.
    """
    if pairs is None:
        return {}
    if not hasattr(pairs, "items"):
        raise RegistryError(f"The {kind} must be a mapping of texts, not '{pairs!r}'.")
    for key, value in pairs.items():
        if not str(key) or "=" in str(key):
            raise RegistryError(f"The {kind} have the key '{key}', which is not a name.")
        if not isinstance(value, str | int | float | bool):
            raise RegistryError(
                f"The value of '{key}' in the {kind} is a '{type(value).__name__}', not a text."
            )
    return {str(key): str(value) for key, value in pairs.items()}


def edited(
    model: Model,
    *,
    description: str | None = None,
    add_tags: Mapping[str, str] | None = None,
    remove_tags: Sequence[str] = (),
    add_properties: Mapping[str, str] | None = None,
    add_datasets: Mapping[str, Sequence[str]] | None = None,
) -> Model:
    """Return a model with other words: see ``Registry.update``.

    Raises:
        RegistryError: A property exists already, or a tag to remove does not.
    """
    missing = [tag for tag in remove_tags if tag not in model.tags]
    if missing:
        raise RegistryError(
            f"The model '{model.id}' has no tag '{missing[0]}'.",
            hint=f"Its tags: {', '.join(model.tags) or 'none'}.",
        )
    kept = {key: value for key, value in model.tags.items() if key not in remove_tags}
    datasets = dict(model.lineage.datasets)
    for scenario, references in data_sets(add_datasets).items():
        datasets[scenario] = tuple(dict.fromkeys((*datasets.get(scenario, ()), *references)))
    return replace(
        model,
        tags=kept | text_pairs("tags", add_tags),
        properties=_merged(model, text_pairs("properties", add_properties)),
        description=model.description if description is None else description,
        lineage=replace(model.lineage, datasets=datasets),
    )


def data_sets(given: Mapping[str, Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    """Check data sets: scenario to one reference, or several; addresses are kept without secrets.

    Raises:
        RegistryError: They are no mapping.
    """
    if given is None:
        return {}
    if not hasattr(given, "items"):
        raise RegistryError(f"The data sets must be a mapping of scenarios, not '{given!r}'.")
    return {
        str(scenario): tuple(
            map(public, (references,) if isinstance(references, str) else references)
        )
        for scenario, references in given.items()
    }


def settle(known: Sequence[Model], draft: Model) -> Registration:
    """Decide what a registration does.

    Args:
        known: The versions of the same name and digest, newest first.
        draft: What was asked for. Sample, tags, properties and description that were not given
            are taken as unchanged.

    Returns:
        A version to add, one to rewrite (tags and description), or one that stands as it is.
    """
    for model in known:
        if _differs(model, draft):
            continue
        changed = replace(
            model,
            tags={**model.tags, **draft.tags},
            description=draft.description or model.description,
            needs_trust={**model.needs_trust, **draft.needs_trust},
        )
        if changed == model:
            return Registration(model=model, outcome="unchanged")
        return Registration(model=changed, outcome="updated")
    return Registration(model=draft, outcome="registered")


def _differs(model: Model, draft: Model) -> bool:
    """Whether what cannot change in place is different."""
    return (
        (draft.sample is not None and draft.sample != model.sample)
        or (bool(draft.properties) and draft.properties != model.properties)
        or (draft.framework, draft.framework_version) != (model.framework, model.framework_version)
        or draft.loader != model.loader
    )


def _merged(model: Model, added: Mapping[str, str]) -> dict[str, str]:
    """Add properties; those that exist cannot be given again, as in Azure ML v1."""
    fixed = sorted(set(added) & set(model.properties))
    if fixed:
        raise RegistryError(
            f"The properties of '{model.id}' are immutable, the following keys cannot be"
            f" added/modified: {', '.join(fixed)}.",
            hint="Register a new version with other properties.",
        )
    return {**model.properties, **added}
