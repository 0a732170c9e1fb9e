"""A Docker engine (or Podman's socket): looks at base images, takes ours."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from mlmagic.errors import ImageBuildError, ImagePullError
from mlmagic.files import digest_text, storage_faults
from mlmagic.images import layout
from mlmagic.images.archive import SavedImage, docker_archive
from mlmagic.images.bases import Base, Configuration, Python, Search
from mlmagic.images.building import BuildNotes, build_image, named_below
from mlmagic.images.connecting import engine_faults
from mlmagic.images.manifest import pack
from mlmagic.images.reference import Reference
from mlmagic.images.remote import find_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from docker import DockerClient

    from mlmagic.images.blobs import Blob, BlobStore
    from mlmagic.images.image import Image
    from mlmagic.images.manifest import Packed
    from mlmagic.images.remote import RegistrySource
    from mlmagic.images.store import FactStore

BASES = "mlmagic/base"
_NEWEST_LOOKED_FOR = 20  # 3.20


class Engine:
    """An engine behind the official client.

    Args:
        client: The client; it stays the caller's.
    """

    def __init__(self, client: DockerClient) -> None:
        self.client = client

    def find_base(
        self,
        reference: str,
        *,
        wanted: str | None,
        facts: FactStore,
        on_event: Callable[[str], None],
        architecture: str | None = None,
    ) -> Base:
        """Look at a base image of the engine; it is pulled where it is not there.

        Args:
            reference: Its name, or an id.
            wanted: The Python version to prefer.
            facts: What was found out before.
            on_event: Told what happens.
            architecture: Which one is pulled, where there are several; None is the engine's.

        Raises:
            ImagePullError: It cannot be had.
            TargetUnavailableError: The engine does not answer.
        """
        with engine_faults(ImagePullError, f"The base image '{reference}' cannot be had"):
            attributes = self._inspect(reference, architecture, on_event)
            configuration = _configuration(attributes)
            python = facts.python(configuration, wanted, lambda: self._look(configuration, wanted))
        asked = Reference.parse(reference)
        # Another registry may hold the same layers compressed in another way.
        origins = sorted(
            (Reference.parse(each) for each in attributes.get("RepoDigests") or ()),
            key=lambda each: not each.is_of(asked),
        )
        return Base(reference, configuration, python, EngineSource(self, configuration, origins))

    def pull(self, reference: str, *, on_event: Callable[[str], None]) -> dict[str, Any]:
        """Take a base image anew from its registry, whether it is there or not.

        Returns:
            What the engine tells of it.

        Raises:
            ImagePullError: It cannot be had.
            TargetUnavailableError: The engine does not answer.
        """
        with engine_faults(ImagePullError, f"The base image '{reference}' cannot be had"):
            before = self._find(reference)
            found = self._pull(reference, None, on_event)
        changed = before is None or before["Id"] != found["Id"]
        on_event(f"base image '{reference}': {'changed' if changed else 'the same as before'}")
        return found

    def build_base(
        self,
        lines: str,
        *,
        exclusive: Callable[[str], AbstractContextManager[None]],
        notes: Path,
        on_event: Callable[[str], None],
    ) -> str:
        """Let the engine build a base image from the user's own lines, once.

        Args:
            lines: A Dockerfile; there is no context to copy from.
            exclusive: Holds the right to make what a key names, so that of those who ask at the
                same time one builds and the others wait.
            notes: See `clear_builds`.
            on_event: Told what happens.

        Returns:
            The name of the image.

        Raises:
            ImageBuildError: A line failed; the message has the last of what it said.
            TargetUnavailableError: The engine does not answer.
        """
        with engine_faults(ImageBuildError, "The lines of base_dockerfile failed"):
            tag = self._tag_of(lines)
            if self._find(f"{BASES}:{tag}") is None:
                with exclusive(f"base-{tag}"):
                    if self._find(f"{BASES}:{tag}") is None:
                        on_event("base image: the engine builds it from base_dockerfile")
                        build_image(
                            self.client.api,
                            lines,
                            tag=f"{BASES}:{tag}",
                            labels={"io.mlmagic.role": "base"},
                            notes=BuildNotes(notes, self._info),
                        )
                        # From now on, the engine has what was pulled for it.
                        self.client.api.tag(f"{BASES}:{tag}", BASES, self._tag_of(lines))
        return f"{BASES}:{tag}"

    def clear_builds(self, notes: Path, *, dry_run: bool) -> list[str]:
        """Remove what builds of bases left that were killed.

        Args:
            notes: ``CACHE/images/builds``, where builds note what they make on their way.
            dry_run: Only tell.

        Returns:
            The ids of what went; with `dry_run`, of what would.

        Raises:
            ImageBuildError: It cannot be removed.
            TargetUnavailableError: The engine does not answer.
        """
        with engine_faults(ImageBuildError, "What killed builds left cannot be removed"):
            return BuildNotes(notes, self._info).clear(self.client.api, dry_run=dry_run)

    def _tag_of(self, lines: str) -> str:
        """Name a base by its lines, and by the images below that the engine has now."""
        below = [(self._find(name) or {"Id": ""})["Id"] for name in named_below(lines)]
        return digest_text(lines, *below)[:16]

    def load(
        self,
        image: Image,
        *tags: str,
        blobs: BlobStore,
        on_event: Callable[[str], None] = lambda _line: None,
    ) -> str:
        """Give the engine an image; only the layers that it lacks travel.

        Args:
            image: The image.
            *tags: Names for it, ``NAME:TAG``.
            blobs: Has the compressed layers, for engines with containerd's image store.
            on_event: Told what happens.

        Returns:
            The id that the engine has it by: the digest of the configuration, or in containerd's
            image store (the default of Docker 29 and of Docker Desktop) that of the manifest, by
            which registries know it too.

        Raises:
            ImageBuildError: The engine did not take it; nothing half made stays.
            TargetUnavailableError: The engine does not answer.
        """
        with engine_faults(ImageBuildError, "The engine did not take the image"):
            found = self._find(image.id)
            if found is None and self._keeps_manifests:
                found = self._send_packed(image, pack(image, blobs), on_event)
            elif found is None:
                found = self._send(image, on_event)
            for tag in set(tags).difference(found.get("RepoTags") or ()):
                name, _, label = tag.rpartition(":")
                self.client.api.tag(found["Id"], name, label, force=True)
        return str(found["Id"])

    def has_alone(self, reference: str) -> bool:
        """Whether the engine has an image, and others cannot get it by that name from a registry.

        Raises:
            TargetUnavailableError: The engine does not answer.
        """
        with engine_faults(ImagePullError, f"The base image '{reference}' cannot be looked at"):
            attributes = self._find(reference)
            if attributes is None:
                return False
            name = Reference.parse(reference)
            known = (Reference.parse(each) for each in attributes.get("RepoDigests") or ())
            there = [each for each in known if each.is_of(name)]
            if there and not self._keeps_manifests and "BuildahVersion" not in self._info:
                return False
            # These engines give a digest to what they built themselves, too.
            return not any(find_layers(each, _configuration(attributes)) for each in there)

    def export(self, image_id: str, target: BinaryIO) -> None:
        """Write the files of an image as one tar.

        Raises:
            ImagePullError: The engine does not give them.
            TargetUnavailableError: It does not answer.
        """
        with (
            engine_faults(ImagePullError, f"The base image '{image_id[:19]}' cannot be exported"),
            self._container(image_id) as container,
        ):
            target.writelines(self.client.api.export(container))

    @cached_property
    def _info(self) -> dict[str, Any]:
        return dict(self.client.info())

    @property
    def _keeps_manifests(self) -> bool:
        """Whether the store is containerd's; Docker's classic one keeps configurations."""
        status = dict(pair for pair in self._info.get("DriverStatus") or ())
        return "containerd" in status.get("driver-type", "")

    @contextmanager
    def saved(self, image_id: str) -> Iterator[SavedImage]:
        """Export an image into a file, for as long as it is needed."""
        fact = f"The base image '{image_id[:19]}' cannot be exported"
        with tempfile.TemporaryDirectory(prefix="mlmagic-image-") as folder:
            path = Path(folder) / "image.tar"
            with (
                # requests' errors are OSErrors too: those of the engine are told apart first.
                storage_faults(path, ImagePullError),
                engine_faults(ImagePullError, fact),
                path.open("wb") as target,
            ):
                target.writelines(self.client.api.get_image(image_id))
            yield SavedImage(path)

    def _send(self, image: Image, on_event: Callable[[str], None]) -> dict[str, Any]:
        """Send what is lacking; an engine that needs all layers gets all.

        The classic store of Docker takes an archive without the layers that it has. Podman does
        not.
        """
        from docker.errors import APIError, ImageLoadError

        known = self._announce(image, on_event)
        try:
            self._load(docker_archive(image, skip=known))
        except (APIError, ImageLoadError) as error:
            base = image.base.source
            if not isinstance(base, EngineSource) or "no space left" in str(error):
                raise
            with self.saved(base.image_id) as saved:
                self._load(docker_archive(image, base=saved))
        return self._taken(image, image.id)

    def _send_packed(
        self, image: Image, packed: Packed, on_event: Callable[[str], None]
    ) -> dict[str, Any]:
        """Send what is lacking as registries get it."""
        from docker.errors import APIError, ImageLoadError

        if (found := self._find(packed.digest)) is not None:
            return found
        known = self._announce(image, on_event)
        has = packed.layers[: len(image.diff_ids) - len(image.layers) + known] if known else ()
        try:
            self._load(layout.archive(packed, skip=has))
            return self._taken(image, packed.digest)
        except (APIError, ImageLoadError, ImageBuildError) as error:
            if not has or "no space left" in str(error):
                raise
        self._load(layout.archive(packed))  # what it has was compressed by others
        return self._taken(image, packed.digest)

    def _announce(self, image: Image, on_event: Callable[[str], None]) -> int:
        """Say how much is sent; returns how many of our layers the engine has."""
        known = self._known_layers(image)
        sent = sum(layer.size for layer in image.layers[known:])
        on_event(f"image {image.short}: loading {sent / 1e6:.1f} MB")
        return known

    def _taken(self, image: Image, image_id: str) -> dict[str, Any]:
        """Look at an image that was sent."""
        found = self._find(image_id)
        if found is None:
            raise ImageBuildError(
                f"The engine took the image '{image.short}', but has it by another id.",
                hint="Look at the engine's log.",
            )
        return found

    def _load(self, archive: Iterator[bytes]) -> None:
        from docker.errors import ImageLoadError

        # Read to its end, also after an error: else the connection stays open.
        answer = list(self.client.api.load_image(archive, quiet=True) or ())
        for part in answer:
            if error := part.get("error"):
                raise ImageLoadError(error)

    def _known_layers(self, image: Image) -> int:
        """Say how many of our layers the engine has, in other images of ours on the same base."""
        wanted = image.diff_ids
        bottom = len(image.base.configuration.layers)
        filters = {"label": f"io.mlmagic.base={image.base.configuration.chain}"}
        ours = set(image.config["config"].get("Labels", {}).items())
        # The likest first: as a rule the sources alone differ, and one look will do.
        listed = sorted(
            self.client.api.images(filters=filters),
            key=lambda each: -len(ours.intersection((each["Labels"] or {}).items())),
        )
        known = 0
        for each in listed:
            has = (self._find(each["Id"]) or {"RootFS": {}})["RootFS"].get("Layers") or ()
            same = 0
            while same < min(len(has), len(wanted)) and has[same] == wanted[same]:
                same += 1
            known = max(known, same - bottom)
            if known >= len(image.layers) - 1:
                break
        return known

    def _find(self, reference: str) -> dict[str, Any] | None:
        """Return what the engine tells of an image; None where it has it not."""
        try:
            return dict(self.client.api.inspect_image(reference))
        except Exception as error:
            if _is_missing(error):
                return None
            raise

    def _inspect(
        self, reference: str, architecture: str | None, on_event: Callable[[str], None]
    ) -> dict[str, Any]:
        return self._find(reference) or self._pull(reference, architecture, on_event)

    def _pull(
        self, reference: str, architecture: str | None, on_event: Callable[[str], None]
    ) -> dict[str, Any]:
        on_event(f"base image '{reference}': pulling")
        platform = f"linux/{architecture}" if architecture else None
        self.client.images.pull(reference, platform=platform)
        return dict(self.client.api.inspect_image(reference))

    def _look(self, configuration: Configuration, wanted: str | None) -> Python:
        """Ask for names in a container that is made and never started."""
        search = Search(configuration, wanted)
        names = [*search.loaders]
        minors = [f"3.{minor}" for minor in range(6, _NEWEST_LOOKED_FOR)]
        for folder in search.folders:
            names += [f"{folder}/python{version}" for version in minors]
        with self._container(configuration.id) as container:
            search.see_layer(name for name in names if self._exists(container, name))
        return search.result()

    @contextmanager
    def _container(self, image_id: str) -> Iterator[str]:
        """Make a container that is never started, for as long as it is needed."""
        made = self.client.api.create_container(
            image_id, ["/"], labels={"io.mlmagic.role": "look"}, network_disabled=True
        )["Id"]
        try:
            yield made
        finally:
            self.client.api.remove_container(made, force=True)

    def _exists(self, container: str, name: str) -> bool:
        api = self.client.api
        url = f"{api.base_url}/v{api.api_version}/containers/{container}/archive"
        return bool(api.head(url, params={"path": f"/{PurePosixPath(name)}"}, timeout=60).ok)


def _configuration(attributes: dict[str, Any]) -> Configuration:
    config = {
        "os": attributes.get("Os"),
        "architecture": attributes["Architecture"],
        "variant": attributes.get("Variant"),
        "config": attributes.get("Config"),
    }
    return Configuration.read(attributes["Id"], config, attributes["RootFS"].get("Layers") or ())


class EngineSource:
    """The layers of a base image that an engine holds.

    Attributes:
        engine: The engine.
        image_id: The image's id.

    Args:
        engine: The engine.
        configuration: The image's.
        origins: What registries call it, ``NAME@DIGEST``, the one to ask first in front.
    """

    def __init__(
        self, engine: Engine, configuration: Configuration, origins: Sequence[Reference]
    ) -> None:
        self.engine = engine
        self.image_id = configuration.id
        self._configuration, self._origins = configuration, origins

    def in_registries(self) -> RegistrySource | EngineSource:
        """Return where registries have the layers as all others get them; else ourselves."""
        found = (find_layers(each, self._configuration) for each in self._origins)
        return next(filter(None, found), self)

    def blobs(self, store: BlobStore) -> list[Blob]:
        """Describe the layers as blobs; they are exported from the engine, and compressed, once."""
        known = [blob for each in self._configuration.layers if (blob := store.known(each))]
        if len(known) == len(self._configuration.layers):
            return known
        with self.engine.saved(self.image_id) as saved:
            return saved.blobs(store)


def _is_missing(error: Exception) -> bool:
    from docker.errors import ImageNotFound, NotFound

    return isinstance(error, ImageNotFound | NotFound)
