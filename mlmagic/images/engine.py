"""A Docker engine (or Podman's socket): looks at base images, takes ours."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ImageBuildError, ImagePullError
from mlmagic.files import digest_text, storage_faults
from mlmagic.images.archive import SavedImage, docker_archive
from mlmagic.images.bases import Base, Configuration, Python, Search
from mlmagic.images.building import build_image, read_lines
from mlmagic.images.connecting import engine_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from docker import DockerClient

    from mlmagic.images.blobs import Blob, BlobStore
    from mlmagic.images.image import Image
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
            config = {
                "os": attributes.get("Os"),
                "architecture": attributes["Architecture"],
                "variant": attributes.get("Variant"),
                "config": attributes.get("Config"),
            }
            layers = attributes["RootFS"].get("Layers") or ()
            configuration = Configuration.read(attributes["Id"], config, layers)
            python = facts.python(configuration, wanted, lambda: self._look(configuration, wanted))
        return Base(reference, configuration, python, EngineSource(self, configuration))

    def build_base(
        self,
        dockerfile: str,
        *,
        on: str,
        exclusive: Callable[[str], AbstractContextManager[None]],
        on_event: Callable[[str], None],
    ) -> str:
        """Let the engine build a base image from the user's own lines, once.

        Args:
            dockerfile: The lines, or the path of a file with them; there is no context to copy
                from.
            on: What they stand on, where they do not begin with ``FROM``.
            exclusive: Holds the right to make what a key names, so that of those who ask at the
                same time one builds and the others wait.
            on_event: Told what happens.

        Returns:
            The name of the image.

        Raises:
            ConfigurationError: There is no such file.
            ImageBuildError: A line failed; the message has the last of what it said.
            TargetUnavailableError: The engine does not answer.
        """
        text = read_lines(dockerfile)
        if not re.search(r"(?im)^\s*FROM\s", text):
            text = f"FROM {on}\n{text}"
        name = f"{BASES}:{digest_text(text)[:16]}"
        with engine_faults(ImageBuildError, "The lines of base_dockerfile failed"):
            if self._find(name) is not None:
                return name
            with exclusive(name.replace("/", "-").replace(":", "-")):
                if self._find(name) is None:
                    on_event("base image: the engine builds it from base_dockerfile")
                    labels = {"io.mlmagic.role": "base"}
                    build_image(self.client.api, text, tag=name, labels=labels)
        return name

    def load(
        self, image: Image, *tags: str, on_event: Callable[[str], None] = lambda _line: None
    ) -> None:
        """Give the engine an image; only the layers that it lacks travel.

        Args:
            image: The image.
            *tags: Names for it, ``NAME:TAG``.
            on_event: Told what happens.

        Raises:
            ImageBuildError: The engine did not take it; nothing half made stays.
            TargetUnavailableError: The engine does not answer.
        """
        with engine_faults(ImageBuildError, "The engine did not take the image"):
            found = self._find(image.id)
            if found is None:
                known = self._known_layers(image)
                sent = sum(layer.size for layer in image.layers[known:])
                on_event(f"image {image.short}: loading {sent / 1e6:.1f} MB")
                self._send(image, known)
                found = self._find(image.id)
                if found is None:
                    raise ImageBuildError(
                        f"The engine took the image '{image.short}', but has it by another id.",
                        hint="Look at the engine's log.",
                    )
            for tag in set(tags).difference(found.get("RepoTags") or ()):
                name, _, label = tag.rpartition(":")
                self.client.api.tag(image.id, name, label, force=True)

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

    def _send(self, image: Image, known: int) -> None:
        """Send what is lacking; an engine that needs all layers gets all.

        The classic store of Docker takes an archive without the layers that it has. The store of
        containerd, and Podman, do not.
        """
        from docker.errors import APIError, ImageLoadError

        try:
            self._load(docker_archive(image, skip=known))
        except (APIError, ImageLoadError) as error:
            base = image.base.source
            if not isinstance(base, EngineSource) or "no space left" in str(error):
                raise
            with self.saved(base.image_id) as saved:
                self._load(docker_archive(image, base=saved))

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
        if (found := self._find(reference)) is not None:
            return found
        on_event(f"base image '{reference}': pulling")
        platform = f"linux/{architecture}" if architecture else None
        self.client.images.pull(reference, platform=platform)
        return dict(self.client.api.inspect_image(reference))

    def _look(self, configuration: Configuration, wanted: str | None) -> Python:
        """Ask for names in a container that is made and never started."""
        container = self.client.api.create_container(
            configuration.id, ["/"], labels={"io.mlmagic.role": "look"}, network_disabled=True
        )["Id"]
        try:
            search = Search(configuration, wanted)
            names = [*search.loaders]
            minors = [f"3.{minor}" for minor in range(6, _NEWEST_LOOKED_FOR)]
            for folder in search.folders:
                names += [f"{folder}/python{version}" for version in minors]
            search.see_layer(name for name in names if self._exists(container, name))
            return search.result()
        finally:
            self.client.api.remove_container(container, force=True)

    def _exists(self, container: str, name: str) -> bool:
        api = self.client.api
        url = f"{api.base_url}/v{api.api_version}/containers/{container}/archive"
        return bool(api.head(url, params={"path": f"/{PurePosixPath(name)}"}, timeout=60).ok)


class EngineSource:
    """The layers of a base image that an engine holds.

    Attributes:
        engine: The engine.
        image_id: The image's id.
    """

    def __init__(self, engine: Engine, configuration: Configuration) -> None:
        self.engine = engine
        self.image_id = configuration.id
        self._layers = configuration.layers

    def blobs(self, store: BlobStore) -> list[Blob]:
        """Describe the layers as blobs; they are exported from the engine, and compressed, once."""
        known = [blob for each in self._layers if (blob := store.known(each))]
        if len(known) == len(self._layers):
            return known
        with self.engine.saved(self.image_id) as saved:
            return saved.blobs(store)


def _is_missing(error: Exception) -> bool:
    from docker.errors import ImageNotFound, NotFound

    return isinstance(error, ImageNotFound | NotFound)
