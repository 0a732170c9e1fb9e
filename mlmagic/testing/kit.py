"""Services from the text of a script, on real parts."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from mlmagic.entities import (
    DeploymentSpec,
    Environment,
    PlacedModel,
    Sample,
    SourceTree,
    config_class,
)
from mlmagic.environments.runtime import runtime_digest
from mlmagic.files import digest_text
from mlmagic.services import Services

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlmagic.entities import Lock
    from mlmagic.environments import Environments
    from mlmagic.registry import ContentStore
    from mlmagic.targets import Target

ECHO = """
import json

def init():
    pass

def run(raw_data):
    return json.loads(raw_data)
"""


def minimal_lock(environments: Environments) -> Lock:
    """Lock and realise an environment with nothing but what the scoring server needs."""
    lock = environments.lock(Environment(name="minimal"))
    environments.realise(lock)
    return lock


class ServiceKit:
    """Makes specifications and services from a script's text.

    Args:
        root: Where the services lie.
        content: Where their files lie.
        environments: What realised the lock.
        lock: The environment of all services.
        targets: Where they run, by name; None is this machine alone.
        target: The one of them that specifications are for, unless they say so.
    """

    def __init__(
        self,
        root: Path,
        *,
        content: ContentStore,
        environments: Environments,
        lock: Lock,
        targets: Mapping[str, Target] | None = None,
        target: str = "local",
    ) -> None:
        self.root = root
        self.content = content
        self.environments = environments
        self.lock = lock
        self.target = target
        self._compute_type = targets[target].compute_type if targets else target
        self.services = Services(root, content=content, environments=environments, targets=targets)

    def spec(  # noqa: PLR0913 - each has a default
        self,
        script: str = ECHO,
        *,
        name: str = "svc",
        target: str | None = None,
        files: Mapping[str, str] | None = None,
        source_directory: str | None = None,
        models: Mapping[str, bytes] | None = None,
        sample: bytes | None = None,
        variables: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        **config: Any,
    ) -> DeploymentSpec:
        """Make a specification.

        Args:
            script: Text of ``score.py``.
            name: The service.
            target: Where it runs; None is the kit's target.
            files: Further files of the source tree.
            source_directory: Name of the source directory, for v1's layout with one.
            models: ``name:version`` to the content of its only file, ``model.bin``.
            sample: Body of a test request.
            variables: Environment variables.
            secrets: Name to digest.
            **config: Fields of the deployment configuration.
        """
        texts = {"score.py": textwrap.dedent(script), **(files or {})}
        return DeploymentSpec(
            name=name,
            target=target or self.target,
            models=tuple(self._model(key, data) for key, data in (models or {}).items()),
            source=SourceTree(
                entry_script="score.py",
                name=source_directory,
                files=tuple(
                    self.content.add_bytes(text.encode(), name=path) for path, text in texts.items()
                ),
            ),
            lock=self.lock,
            runtime=runtime_digest(),
            config=config_class(self._compute_type)(**config),
            sample=self._sample(sample) if sample is not None else None,
            variables=dict(variables or {}),
            secrets=dict(secrets or {}),
        )

    def _model(self, key: str, data: bytes) -> PlacedModel:
        name, _, version = key.partition(":")
        file = self.content.add_bytes(data, name="model.bin")
        return PlacedModel(
            name=name, version=int(version), digest=digest_text(file.sha256), files=(file,)
        )

    def _sample(self, body: bytes) -> Sample:
        return Sample(kind="json", content=self.content.add_bytes(body, name="sample.json"))
