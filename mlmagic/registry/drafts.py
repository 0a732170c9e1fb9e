"""From files and what is said of them to the draft of a model."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlmagic.addresses import public, without_secrets
from mlmagic.entities import Lineage, Model, Resources
from mlmagic.errors import RegistryError, UsageError
from mlmagic.files import digest_text
from mlmagic.registry import frameworks
from mlmagic.registry.metadata import data_sets, text_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmagic.entities import ContentFile, ModelDetails, Sample


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the user said of a model, checked before anything is stored.

    Attributes:
        framework: Our name of it; None where the files tell.
    """

    tags: Mapping[str, str]
    properties: Mapping[str, str]
    description: str
    framework: str | None
    framework_version: str | None
    resources: Resources
    lineage: Lineage

    @classmethod
    def check(cls, details: ModelDetails, lineage: Lineage | None) -> Said:
        """Check what can be checked without the model.

        Raises:
            RegistryError: Tags, properties, resources or data sets are not usable.
            UsageError: The framework is unknown, or its version was given without it.
        """
        framework = details.get("framework")
        if details.get("framework_version") is not None and framework is None:
            raise UsageError(
                f"The framework version '{details['framework_version']}' was given without a"
                " framework.",
                hint="Name the framework too.",
            )
        known = lineage or Lineage()
        datasets = {**known.datasets, **data_sets(details.get("datasets"))}
        parent = details.get("parent") or known.parent
        return cls(
            tags=text_pairs("tags", details.get("tags")),
            properties=text_pairs("properties", details.get("properties")),
            description=details.get("description") or "",
            framework=framework and frameworks.framework_named(framework),
            framework_version=details.get("framework_version"),
            resources=checked_resources(
                Resources(
                    cpu=details.get("cpu"),
                    memory_gb=details.get("memory_gb"),
                    gpu=details.get("gpu"),
                )
            ),
            lineage=public_lineage(replace(known, datasets=datasets, parent=parent)),
        )


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What lies in the store before the version exists."""

    files: tuple[ContentFile, ...]
    described: frameworks.Described
    sample: Sample | None = None
    sample_output: Sample | None = None


def draft_model(name: str, kept: Kept, said: Said | None = None) -> Model:
    """Make the record of a version that has no number yet."""
    said = said or Said.check({}, None)
    described = kept.described
    framework = said.framework or described.framework
    needs = frameworks.requirements(framework, described.loader, described.modules)
    return Model(
        name=name,
        version=0,
        files=kept.files,
        digest=digest_of(kept.files),
        framework=framework,
        framework_version=said.framework_version or frameworks.installed_version(framework),
        loader=described.loader,
        requirements=tuple(map(public, described.requirements or needs)),
        trusted_types=described.trusted_types,
        tags=dict(said.tags),
        properties=dict(said.properties),
        description=said.description,
        sample=kept.sample,
        sample_output=kept.sample_output,
        schema=described.schema,
        facts=described.facts,
        resources=said.resources,
        lineage=_with_packages(said.lineage, needs),
        created_at=datetime.now(UTC),
        created_by=current_user(),
    )


def digest_of(files: Sequence[ContentFile]) -> str:
    """Return the digest of a model: of its paths and contents."""
    ordered = sorted(files, key=lambda file: file.path)
    return digest_text(*(part for file in ordered for part in (file.path, file.sha256)))


def checked_resources(resources: Resources) -> Resources:
    """Refuse what Azure ML v1 refuses.

    Raises:
        RegistryError: A figure is not above zero.
    """
    for name in ("cpu", "memory_gb", "gpu"):
        value = getattr(resources, name)
        if value is not None and not value > 0:
            raise RegistryError(f"The resource '{name}' is '{value}', but must be above zero.")
    return resources


def plain_requirement(line: str) -> str:
    """Refuse what is more than a package, such as an option of pip.

    Raises:
        RegistryError: It is.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return public(str(Requirement(line)))
    except InvalidRequirement as error:
        raise RegistryError(
            f"The requirement '{without_secrets(line)}' names no package."
        ) from error


def is_from_address(line: str) -> bool:
    """Say whether a plain requirement names where the package lies: anything may lie there."""
    from packaging.requirements import Requirement

    return Requirement(line).url is not None


def public_lineage(lineage: Lineage) -> Lineage:
    """Leave users, passwords and signed queries out of the addresses in a lineage."""
    return replace(
        lineage,
        params={key: public(value) for key, value in lineage.params.items()},
        datasets={key: tuple(map(public, value)) for key, value in lineage.datasets.items()},
    )


def current_user() -> str:
    """Return the login name of who works here."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _with_packages(lineage: Lineage, requirements: Sequence[str]) -> Lineage:
    if lineage.packages:
        return lineage
    pins = (line.partition("==") for line in requirements if "==" in line)
    return replace(lineage, packages={name: version for name, _, version in pins})
