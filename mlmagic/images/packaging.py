"""Packages: a service as an image, a Dockerfile, an OCI layout or a bundle, to run anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from mlmagic.errors import ConfigurationError, ImageBuildError, TargetUnavailableError
from mlmagic.images import contents
from mlmagic.images.bases import ON_THE_DISK, architecture_of, platform_of
from mlmagic.images.building import named_below
from mlmagic.images.bundle import write_bundle
from mlmagic.images.connecting import connect
from mlmagic.images.dockerfile import write_context
from mlmagic.images.engine import Engine
from mlmagic.images.images import host_architecture, serve_arguments
from mlmagic.images.layout import write_layout
from mlmagic.images.places import KEYS_FILE, PORT
from mlmagic.images.reference import HUB, Reference
from mlmagic.images.wheels import wheels_layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.entities import DeploymentSpec
    from mlmagic.images.image import Image
    from mlmagic.images.images import Images

_PODMANS = "localhost"  # the host of what Podman built itself
Form = Literal["image", "dockerfile", "oci", "bundle"]

# Docker publishes a port on all interfaces, past the firewall, where no address is named.
_PUBLISHED = f"127.0.0.1:6789:{PORT}"


@dataclass(frozen=True, kw_only=True)
class Package:
    """What packaging made.

    Attributes:
        form: ``image``, ``dockerfile``, ``oci`` or ``bundle``.
        location: Where it is: a name of an image, or a path.
        image_id: The image's id, equal wherever the image is.
        digest: Digest of the manifest in a registry or layout.
        base: What the image stands on.
        models: ``name:version`` of each model.
        size: Bytes that are ours, without the base; uncompressed, but for a bundle's wheels.
        run: Commands that start it, and score.
    """

    form: Form
    location: str
    models: tuple[str, ...]
    size: int
    run: tuple[str, ...]
    image_id: str | None = None
    digest: str | None = None
    base: str | None = None


@dataclass(frozen=True, kw_only=True)
class PackageRequest:
    """How a service is to be packaged.

    Attributes:
        form: What to make.
        base_image: See `Images.base`.
        base_dockerfile: Likewise.
        standalone_python: Likewise.
        platform: ``linux/amd64`` or ``linux/arm64``; None is this machine's, or the base's.
        name: Name and tag of the image in an engine; None makes one.
        push: Where to push the image to, ``HOST/NAME:TAG``.
        output: The file or folder to make.
        auth: ``key`` or ``none``; None is the configuration's.
    """

    form: Form = "image"
    base_image: str | None = None
    base_dockerfile: str | None = None
    standalone_python: str | None = None
    platform: str | None = None
    name: str | None = None
    push: str | None = None
    output: Path | None = None
    auth: str | None = None


def package(
    images: Images,
    spec: DeploymentSpec,
    request: PackageRequest,
    *,
    on_event: Callable[[str], None] = lambda _line: None,
) -> Package:
    """Package a service.

    Args:
        images: Makes the layers.
        spec: The service.
        request: What to make of it.
        on_event: Told progress.

    Raises:
        ConfigurationError: A path is missing where one is needed, or there is no such platform.
        ImageError: It cannot be made or pushed; nothing half made stays.
        TargetUnavailableError: An engine is needed and there is none.
    """
    if request.form in ("dockerfile", "oci", "bundle") and request.output is None:
        raise ConfigurationError(
            f"A package of the form '{request.form}' needs a place.",
            hint="Give --output-path PATH.",
        )
    if request.push and request.form != "image":
        raise ConfigurationError(
            f"Only images are pushed, not a '{request.form}'.",
            hint="Use --to image, or leave --push.",
        )
    with images.layers.in_use():
        return _Packager(images, spec, request, on_event).make()


class _Packager:
    def __init__(
        self,
        images: Images,
        spec: DeploymentSpec,
        request: PackageRequest,
        on_event: Callable[[str], None],
    ) -> None:
        self.images = images
        self.spec = spec
        self.request = request
        self.say = on_event
        self.auth = request.auth or spec.config.auth
        self.architecture = architecture_of(request.platform) if request.platform else None

    def make(self) -> Package:
        if self.request.form == "bundle":
            return self._bundle()
        engine = self._engine()
        base = self.images.base(
            self.request.base_image,
            python_version=self.spec.lock.python_version,
            engine=engine,
            architecture=self.architecture,
            dockerfile=self.request.base_dockerfile,
            standalone=self.request.standalone_python,
            on_event=self.say,
        )
        image = self.images.service(self.spec, base, auth=self.auth, on_event=self.say)
        if self.request.form == "dockerfile":
            return self._dockerfile(image, engine)
        if self.request.form == "oci":
            return self._layout(image)
        if self.request.push:
            digest = self.images.push(image, self.request.push, on_event=self.say)
            place = str(Reference.parse(self.request.push))
            return self._package(image, place, digest, self._docker_run(place))
        assert engine is not None  # noqa: S101 - _engine refuses
        return self._loaded(engine, image)

    def _engine(self) -> Engine | None:
        """Connect where an engine is needed, or where a base may lie on it alone.

        A name without a host is that of an image that people pulled or built here; Podman's have
        one then.
        """
        request = self.request
        needed = request.form == "image" and not request.push
        named = request.base_image or ""
        if not needed and not request.base_dockerfile:
            if self.architecture not in (None, host_architecture()):
                return None  # people's images here are for this machine
            if named.startswith(ON_THE_DISK):
                return None
            host = Reference.parse(named.replace("{version}", "3")).host if named else HUB
            if host not in (HUB, _PODMANS):
                return None
        try:
            return Engine(connect())
        except TargetUnavailableError:
            if needed or request.base_dockerfile:
                raise
            return None

    def _loaded(self, engine: Engine, image: Image) -> Package:
        # Not `mlmagic/NAME`, which goes with the service of the name.
        name = self.request.name or self.spec.name
        if ":" not in name.rpartition("/")[2]:
            name = f"{name}:{image.short}"
        environment = self.images.environment(self.spec.lock, image.base, on_event=self.say)
        tag = self.images.environment_tag(self.spec.lock, image.base)
        self.images.load(environment, engine, tag, on_event=self.say)
        self.images.load(image, engine, name, on_event=self.say)
        return self._package(image, name, None, self._docker_run(name))

    def _dockerfile(self, image: Image, engine: Engine | None) -> Package:
        place, base = self._output(), image.base
        named = named_below(base.lines) if base.lines else [base.reference]
        alone = next((each for each in named if engine and engine.has_alone(each)), None)
        if engine is None or alone is None:
            write_context(image, place)
        else:
            self.say(f"base image '{alone}': no registry is known to have it, so its files travel")
            write_base = partial(engine.export, base.configuration.id)
            write_context(image, place, write_base=write_base)
        name = self.request.name or self.spec.name
        run = (f"docker build -t {name} {place}", *self._docker_run(name))
        return self._package(image, str(place), None, run)

    def _layout(self, image: Image) -> Package:
        place, packed = self._output(), self.images.pack(image)
        name = (self.request.name or self.spec.name).rpartition(":")[2]
        write_layout(packed, place, name=name)
        kind = "oci-archive" if place.suffix == ".tar" else "oci"
        run = (f"skopeo copy {kind}:{place} docker-daemon:{self.spec.name}:{image.short}",)
        return self._package(image, str(place), packed.digest, run)

    def _bundle(self) -> Package:
        spec, place = self.spec, self._output()
        platform = platform_of(self.architecture or host_architecture())
        version = spec.lock.python_version
        lock = self.images.fitting(spec.lock, platform, on_event=self.say)
        layers = (
            wheels_layer(self.images.layers, lock, platform=platform, on_event=self.say),
            *self.images.service_layers(spec, version),
        )
        write_bundle(
            layers,
            place,
            python_version=version,
            platform=platform,
            arguments=("--port", str(PORT), *serve_arguments(spec, auth=self.auth)),
            variables={**spec.variables, **contents.variables(spec)},
        )
        program = place if place.is_dir() else place.name.partition(".tar")[0]
        start = f"{program}/start --port {PORT}"
        return Package(
            form="bundle",
            location=str(place),
            models=tuple(model.id for model in spec.models),
            size=sum(layer.size for layer in layers),
            run=(start,) if place.is_dir() else (f"tar xzf {place}", start),
        )

    def _output(self) -> Path:
        assert self.request.output is not None  # noqa: S101 - package() refuses
        place = self.request.output
        if place.is_dir() and any(place.iterdir()):
            raise ImageBuildError(
                f"The folder '{place}' is not empty.", hint="Choose another --output-path."
            )
        return place

    def _docker_run(self, name: str) -> tuple[str, ...]:
        if self.auth == "none":
            return (f"docker run -p {_PUBLISHED} {name}",)
        # The file is the user's alone, so the container runs as the user.
        keys = f'-v "$PWD/keys.json:{KEYS_FILE}:ro" --user "$(id -u):0"'
        return (
            """(umask 077; echo '{"primary": "KEY", "secondary": "ANOTHER"}' > keys.json)""",
            f"docker run -p {_PUBLISHED} {keys} {name}",
        )

    def _package(
        self, image: Image, location: str, digest: str | None, run: tuple[str, ...]
    ) -> Package:
        return Package(
            form=self.request.form,
            location=location,
            models=tuple(model.id for model in self.spec.models),
            size=image.size,
            run=run,
            image_id=image.id,
            digest=digest,
            base=image.base.reference,
        )
