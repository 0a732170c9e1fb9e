"""Images of a workspace: bases found, layers made once, images put together."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.environments.runtime import runtime_digest
from mlmagic.errors import (
    ConfigurationError,
    EnvironmentSetupError,
    ImageBuildError,
    ImagePullError,
    TargetUnavailableError,
)
from mlmagic.files import digest_text, storage_faults
from mlmagic.images import contents, layout, remote
from mlmagic.images.archive import SavedImage
from mlmagic.images.bases import (
    DEFAULT,
    ROLE,
    RUNTIME,
    check_python,
    lack_of_python,
    other_platform,
)
from mlmagic.images.blobs import BlobStore
from mlmagic.images.building import standing
from mlmagic.images.claims import Claims
from mlmagic.images.connecting import engine_faults
from mlmagic.images.engine import EngineSource
from mlmagic.images.image import make_image
from mlmagic.images.layers import LayerStore
from mlmagic.images.manifest import pack
from mlmagic.images.packages import packages_layer
from mlmagic.images.places import KEYS_FILE, PORT, PYTHON, SAMPLE, SECRETS_FOLDER
from mlmagic.images.reference import Reference
from mlmagic.images.standalone import StandalonePython, give_python
from mlmagic.images.store import FactStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmagic.entities import DeploymentSpec, Lock
    from mlmagic.environments import Environments, Relocking
    from mlmagic.images.bases import Base
    from mlmagic.images.engine import Engine
    from mlmagic.images.image import Image
    from mlmagic.images.layers import Layer
    from mlmagic.images.manifest import Packed
    from mlmagic.registry import ContentStore

_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
ENVIRONMENT = "mlmagic/environment"


def _silent(_line: str) -> None:
    return


def host_architecture() -> str:
    """What OCI calls this machine's processor, such as ``amd64``."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


class Images:
    """Makes images from what a workspace has, with layers cached for all workspaces.

    Args:
        cache: The user's cache folder.
        content: Where models and sources lie.
        environments: What locks environments for other platforms than this machine's.

    Example:
        >>> images = Images(cache, content=content, environments=environments)
        >>> base = images.base("python:3.12-slim", python_version="3.12", engine=engine)
        >>> image = images.service(spec, base)
        >>> images.load(image, engine, f"mlmagic/{spec.name}:{image.short}")
    """

    def __init__(
        self,
        cache: Path,
        *,
        content: ContentStore,
        environments: Environments | Relocking | None = None,
    ) -> None:
        self.root = cache.resolve() / "images"
        self.layers = LayerStore(self.root)
        self.blobs = BlobStore(self.root)
        self.claims = Claims(self.root, environments.workspace if environments else None)
        self.build_notes = self.root / "builds"
        self._facts = FactStore(self.root)
        self._content = content
        self._environments = environments

    def base(
        self,
        reference: str | None,
        *,
        python_version: str | None = None,
        engine: Engine | None = None,
        architecture: str | None = None,
        dockerfile: str | None = None,
        standalone: str | None = None,
        on_event: Callable[[str], None] = _silent,
    ) -> Base:
        """Look at a base image.

        Args:
            reference: A name, ``oci:FOLDER``, ``oci-archive:FILE`` or
                ``docker-archive:FILE``; ``{version}`` in it stands for the Python version. None is
                the official image of that version.
            python_version: The Python that the environment is for: chosen where the image has
                several; None takes the image's own.
            engine: The engine to look in; None looks in the registry that the name says.
            architecture: Such as ``arm64``; a base for another is refused. None takes this
                machine's where there is a choice, else what the engine or the file has.
            dockerfile: Lines of a Dockerfile: the engine builds the base from them, on
                ``reference`` where they do not begin with ``FROM``.
            standalone: A standalone build of Python, ``ADDRESS#sha256=DIGEST``, for a base that has
                none that will do.
            on_event: Told what happens.

        Raises:
            ConfigurationError: The standalone build is not pinned.
            ImageBuildError: The lines of the Dockerfile failed.
            ImagePullError: It cannot be had, or has no Python that will do and gets none.
            TargetUnavailableError: The engine does not answer.
        """
        name = named_base(reference, python_version)
        lines = standing(dockerfile, on=name) if dockerfile is not None else ""
        if lines:
            if engine is None:
                raise TargetUnavailableError(
                    "A base_dockerfile is built by a Docker engine, and there is none here.",
                    hint="Build the base where there is one, push it, and name it as base_image.",
                )
            with storage_faults(self.root, ImageBuildError):
                name = engine.build_base(
                    lines,
                    exclusive=self.layers.exclusive,
                    notes=self.build_notes,
                    on_event=on_event,
                )
        wanted, facts = python_version, self._facts
        chosen = architecture or host_architecture()
        if (found := self._on_disk(name, chosen, wanted)) is not None:
            base = found
        elif engine is not None:
            base = engine.find_base(
                name, wanted=wanted, facts=facts, on_event=on_event, architecture=architecture
            )
            if lines:
                base = replace(base, lines=lines)
                self.claims.note(base.configuration.id)
        else:
            place = Reference.parse(name)
            base = remote.find_base(place, architecture=chosen, wanted=wanted, facts=facts)
        if architecture is not None and base.configuration.architecture != architecture:
            raise other_platform(base.reference, base.configuration.architecture, architecture)
        if (lack := lack_of_python(base)) is None:
            return base
        if standalone is None:
            raise lack
        return give_python(
            base,
            StandalonePython.parse(standalone),
            version=python_version or _running(),
            store=self.layers,
            on_event=on_event,
        )

    def architecture(
        self, reference: str | None, *, python_version: str, engine: Engine | None = None
    ) -> str:
        """Return what processors a base is for where nothing asks for some; nothing is fetched.

        Args:
            reference: As for `base`.
            python_version: The Python that the environment is for.
            engine: What will build it, where it is built.

        Raises:
            ImagePullError: A file cannot be read as an image.
            TargetUnavailableError: The engine does not answer.
        """
        if engine is not None:
            with engine_faults(ImagePullError, "The engine does not say what processor it has"):
                return str(engine.client.version()["Arch"])
        name = named_base(reference, python_version)
        base = self._on_disk(name, host_architecture(), python_version)
        return base.configuration.architecture if base is not None else host_architecture()

    def environment(
        self, lock: Lock, base: Base, *, on_event: Callable[[str], None] = _silent
    ) -> Image:
        """Put the environment image of a lock together: packages and scoring server on a base.

        The layers come from the cache, or are made; the second who asks at the same time waits.

        Raises:
            ImageBuildError: A package cannot be had for this Python and platform.
            ImagePullError: The lock is for another Python than the base's, and there is nothing
                to lock for that with.
        """
        lock = self._lock_for(lock, base, on_event)
        labels = {**_labels(lock, base), ROLE: "environment"}
        runtime = contents.runtime_layer(self.layers, base.python_version)
        layers = (*self._packages(lock, base, on_event), runtime)
        return make_image(base, layers, labels=labels, serves=False)

    def environment_tag(self, lock: Lock, base: Base) -> str:
        """The name of an environment image: equal for equal lock, base and scoring server."""
        given = (layer.diff_id for layer in base.given)
        key = digest_text(lock.identity, base.configuration.chain, runtime_digest(), *given)
        return f"{ENVIRONMENT}:{key[:16]}"

    def service(
        self,
        spec: DeploymentSpec,
        base: Base,
        *,
        auth: str | None = None,
        labels: Mapping[str, str] | None = None,
        on_event: Callable[[str], None] = _silent,
    ) -> Image:
        """Put the image of a service together; without the environment's part this is instant.

        Nothing in it depends on the deployment configuration but what its command says of
        authentication and time limits; those who start containers may give another command.

        Args:
            spec: The service.
            base: What it stands on.
            auth: ``key`` or ``none``; None is the configuration's.
            labels: Further labels.
            on_event: Told what happens.

        Raises:
            ImageBuildError: A package cannot be had for this Python and platform.
            ImagePullError: The lock is for another Python than the base's, and there is nothing
                to lock for that with.
            ModelIntegrityError: Stored content is missing or damaged.
        """
        lock = self._lock_for(spec.lock, base, on_event)
        packages = self._packages(lock, base, on_event)
        layers = (*packages, *self.service_layers(spec, base.python_version))
        variables = {
            **spec.variables,
            **contents.variables(spec),
            "MLMAGIC_SECRETS_DIR": SECRETS_FOLDER,
        }
        return make_image(
            base,
            layers,
            command=serve_command(spec, auth=auth),
            variables=variables,
            labels={**_labels(lock, base), **_service_labels(spec), **(labels or {})},
        )

    def load(
        self,
        image: Image,
        engine: Engine,
        *tags: str,
        on_event: Callable[[str], None] = _silent,
    ) -> None:
        """Give an engine an image under some names; see `mlmagic.images.Engine.load`."""
        self.claims.note(image.id)  # before others may prune it
        known_by = engine.load(image, *tags, blobs=self.blobs, on_event=on_event)
        if known_by != image.id:
            self.claims.note(known_by)

    def pack(self, image: Image) -> Packed:
        """Describe an image for a registry or a layout; see `mlmagic.images.manifest`."""
        return pack(image, self.blobs)

    def push(
        self, image: Image, reference: str, *, on_event: Callable[[str], None] = _silent
    ) -> str:
        """Push an image to a registry, without any engine.

        Args:
            image: The image.
            reference: ``HOST/NAME:TAG``.
            on_event: Told progress, in bytes.

        Returns:
            The digest of the manifest; ``NAME@DIGEST`` is the image for good.

        Raises:
            ImagePushError: The registry refused or cannot be reached.
        """
        place = Reference.parse(reference)
        if place.digest:
            raise ConfigurationError(
                f"'{reference}' names an image by its digest.", hint="Push to a tag: HOST/NAME:TAG."
            )
        if isinstance(image.base.source, EngineSource):
            source = image.base.source.in_registries()
            image = replace(image, base=replace(image.base, source=source))
        from mlmagic.images.push import PushRecords, push

        return push(self.pack(image), place, records=PushRecords(self.root), on_event=on_event)

    def save(self, image: Image, file: Path, *, name: str) -> None:
        """Write an image as an archive that container runtimes load, a layout in a tar.

        Raises:
            ImageBuildError: It cannot be written.
        """
        layout.write_layout(self.pack(image), file, name=name)

    def _packages(
        self, lock: Lock, base: Base, on_event: Callable[[str], None]
    ) -> tuple[Layer, ...]:
        packages = packages_layer(
            self.layers,
            lock,
            platform=base.platform,
            python=base.python,
            hide=base.is_ours,
            on_event=on_event,
        )
        return *base.given, packages

    def _on_disk(self, name: str, architecture: str, wanted: str | None) -> Base | None:
        """Look at a base that is a folder or file; None where its name is of another kind."""
        scheme, _, path = name.partition(":")
        place, facts = Path(path).expanduser().resolve(), self._facts
        if scheme in layout.KINDS:
            folder = layout.KINDS[scheme](place)
            return layout.find_base(folder, architecture=architecture, wanted=wanted, facts=facts)
        if scheme == "docker-archive":
            return SavedImage(place).base(name, wanted=wanted, facts=facts)
        return None

    def _lock_for(self, lock: Lock, base: Base, on_event: Callable[[str], None]) -> Lock:
        if self._environments is None:
            check_python(base, lock.python_version)
        return self.fitting(
            lock, base.platform, python_version=base.python_version, on_event=on_event
        )

    def fitting(
        self,
        lock: Lock,
        platform: str,
        *,
        python_version: str | None = None,
        on_event: Callable[[str], None] = _silent,
    ) -> Lock:
        """Return what a lock comes to on a platform, for a Python; None is the lock's.

        Raises:
            ImageBuildError: The environment cannot be locked for it.
        """
        if lock.platform == platform and python_version in (None, lock.python_version):
            return lock
        if self._environments is None:
            raise ImageBuildError(
                f"The environment '{lock.short}' is for '{lock.platform}', not for '{platform}'.",
                hint="Choose a base_image for that platform.",
            )
        try:
            return self._environments.relock(
                lock, platform=platform, python_version=python_version, on_event=on_event
            )
        except EnvironmentSetupError as error:
            raise ImageBuildError(error.message, hint=error.hint) from error

    def service_layers(self, spec: DeploymentSpec, python_version: str) -> tuple[Layer, ...]:
        """The layers of a service above its packages: scoring server, models, sources.

        Raises:
            ModelIntegrityError: Stored content is missing or damaged.
        """
        return (
            contents.runtime_layer(self.layers, python_version),
            *(contents.model_layer(self.layers, each, self._content) for each in spec.models),
            contents.source_layer(self.layers, spec, self._content),
        )


def named_base(reference: str | None, python_version: str | None = None) -> str:
    """Return the name of a base image, for a Python; None is the one that runs.

    Args:
        reference: Its name, with ``{version}`` for the Python's; None is the official image.
        python_version: As ``major.minor``.
    """
    return (reference or DEFAULT).replace("{version}", python_version or _running())


def _running() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def serve_command(
    spec: DeploymentSpec,
    *,
    auth: str | None = None,
    keys_file: str = KEYS_FILE,
    address: str = "0.0.0.0",  # noqa: S104 - of the container; who publishes the port decides
) -> tuple[str, ...]:
    """Return what a container runs: the scoring server with what the specification says."""
    chosen = auth or spec.config.auth
    command = [
        # -P: the app root may hold a folder 'mlmagic' too.
        *(PYTHON, "-P", "-m", "mlmagic.scoring", "--address", address, "--port", str(PORT)),
        *serve_arguments(spec, auth=chosen),
    ]
    if chosen == "key":
        command += ["--keys-file", keys_file]
    if spec.sample is not None:
        command += ["--sample", f"/{SAMPLE}"]
    return tuple(command)


def serve_arguments(spec: DeploymentSpec, *, auth: str) -> tuple[str, ...]:
    """Return what the scoring server is told, but for addresses and paths."""
    config = spec.config
    arguments = ["--service-name", spec.name, "--auth", auth]
    arguments += ["--scoring-timeout-ms", str(config.scoring_timeout_ms)]
    if config.workers > 1:
        arguments += ["--workers", str(config.workers)]
    if config.threads is not None:
        arguments += ["--threads", str(config.threads)]
    if config.queue_wait_ms is not None:
        arguments += ["--queue-wait-ms", str(config.queue_wait_ms)]
    if spec.sample is not None:
        arguments += ["--sample-type", spec.sample.media_type]
    return tuple(arguments)


def _labels(lock: Lock, base: Base) -> dict[str, str]:
    return {
        "io.mlmagic.base": base.configuration.chain,
        "io.mlmagic.lock": lock.identity,
        "io.mlmagic.python": base.python_version,
        RUNTIME: runtime_digest(),
    }


def _service_labels(spec: DeploymentSpec) -> dict[str, str]:
    return {
        ROLE: "service",
        "io.mlmagic.service": spec.name,
        "io.mlmagic.spec": spec.digest,
        "io.mlmagic.models": ",".join(f"{each.id}@{each.digest}" for each in spec.models),
        "org.opencontainers.image.title": spec.name,
        **({"org.opencontainers.image.description": spec.description} if spec.description else {}),
        **({"org.opencontainers.image.revision": spec.commit} if spec.commit else {}),
    }
