"""The verbs of images and packages."""

from __future__ import annotations

import re
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.workspace.resolving import DeploymentRequest, resolve
from mlmagic.workspace.rooms import Rooms, looks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlmagic.images import Engine, Package
    from mlmagic.images.housekeeping import ImageEntry, ImagePruneReport
    from mlmagic.images.packaging import Form

_LONGEST_NAME = 32


class ImageVerbs(Rooms):
    """Package services to run anywhere; look at images, and tidy them."""

    def package_models(  # noqa: PLR0913 - the options of one verb
        self,
        models: Sequence[str | Path] = (),
        *,
        script: str | Path | None = None,
        source_directory: str | Path | None = None,
        environment: str | None = None,
        inference_config: str | Mapping[str, Any] | None = None,
        to: Form | None = None,
        image_name: str | None = None,
        image_label: str | None = None,
        push: str | None = None,
        output_path: str | Path | None = None,
        base_image: str | None = None,
        base_dockerfile: str | None = None,
        standalone_python: str | None = None,
        platform: str | None = None,
        auth: str | None = None,
        variables: Mapping[str, str] | None = None,
        sample: object = None,
        allow: Sequence[str] = (),
        description: str | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> Package:
        """Package models with a script and an environment, to run anywhere.

        Follows ``Model.package`` of Azure ML v1, but for the place: an image goes to the Docker
        engine of this machine or to a registry, where v1 had one of its own.

        Args:
            models: As for `deploy`.
            script: As for `deploy`.
            source_directory: As for `deploy`.
            environment: As for `deploy`.
            inference_config: As for `deploy`.
            to: ``image``, ``dockerfile``, ``oci`` or ``bundle``; None is an image, and as in v1
                a Dockerfile where there is an output path.
            image_name: Name of the image; None makes one from the first model's.
            image_label: Its tag.
            push: Where to push the image, ``HOST/NAME:TAG``; needs no engine.
            output_path: Folder or archive to make.
            base_image: What the image stands on: a name, ``oci:FOLDER``,
                ``oci-archive:FILE`` or ``docker-archive:FILE``; None is the setting ``base_image``.
            base_dockerfile: Lines of a Dockerfile, or a file with them: the engine builds the
                base from them.
            standalone_python: A build of Python for a base that has none,
                ``PATH-OR-URL#sha256=DIGEST``.
            platform: ``linux/amd64`` or ``linux/arm64``; None is this machine's, or the base's.
            auth: ``key`` (default) or ``none``.
            variables: Environment variables.
            sample: As for `deploy`.
            allow: As for `deploy`.
            description: What it is.
            on_event: Receives lines of progress.

        Raises:
            ConfigurationError: An option, a name or a file is wrong.
            ImageError: It cannot be made or pushed; nothing half made stays.
            TargetUnavailableError: An engine is needed and does not answer.
        """
        from mlmagic.images import PackageRequest, package
        from mlmagic.images.building import read_lines

        say = on_event or (lambda _line: None)
        request = DeploymentRequest(
            name=_service_name(image_name, models, script),
            models=tuple(models),
            script=script,
            source_directory=source_directory,
            environment=environment,
            inference_config=inference_config,
            target="local",
            variables=variables,
            sample=sample,
            allow=tuple(allow),
            description=description,
            config={"auth": auth} if auth else {},
        )
        resolved = resolve(self, request, on_event=say)
        name = f"{image_name}:{image_label}" if image_name and image_label else image_name
        wanted = PackageRequest(
            form=to or ("dockerfile" if output_path and not push else "image"),
            base_image=base_image or self.settings.base_image,
            base_dockerfile=read_lines(base_dockerfile) if base_dockerfile else None,
            standalone_python=standalone_python,
            platform=platform,
            name=name,
            push=push,
            output=Path(output_path).expanduser().absolute() if output_path else None,
            auth=auth,
        )
        return package(self.images, resolved.spec, wanted, on_event=say)

    @looks
    def list_images(self) -> list[ImageEntry]:
        """List the images that mlmagic made, what uses them, and the layers in the cache."""
        from mlmagic.images.housekeeping import list_images

        return list_images(self.images, self._engine)

    def pull_image(
        self, image: str | None = None, *, on_event: Callable[[str], None] | None = None
    ) -> ImageEntry:
        """Take a base image anew from its registry: its tag may stand for another by now.

        Services whose base it is have it when they are deployed or restarted next.

        Args:
            image: Its name; None is the setting ``base_image``, or the image of this Python.
            on_event: Receives lines of progress.

        Raises:
            ImagePullError: It cannot be had.
            TargetUnavailableError: No engine answers.
        """
        from mlmagic.images import Engine, connect
        from mlmagic.images.housekeeping import pull_base
        from mlmagic.images.images import named_base

        name = named_base(image or self.settings.base_image)
        with closing(connect()) as client:
            return pull_base(Engine(client), name, on_event=on_event or (lambda _line: None))

    @looks
    def prune_images(self, *, dry_run: bool = False) -> ImagePruneReport:
        """Remove images that no container and no service uses, and layers that no image needs."""
        from mlmagic.images.housekeeping import prune_images

        records = self.services.readable() if self.exists else []
        used = {record.spec.digest for record in records}
        return prune_images(self.images, self._engine, used=used, dry_run=dry_run)

    @cached_property
    def _engine(self) -> Engine | None:
        """The machine's engine, if one answers."""
        from mlmagic.errors import TargetUnavailableError
        from mlmagic.images import Engine, connect

        try:
            return Engine(connect())
        except TargetUnavailableError:
            return None


def _service_name(
    image_name: str | None, models: Sequence[str | Path], script: str | Path | None
) -> str:
    """Make a service's name of what there is: that of the image, a model or the script."""
    if image_name:
        source = image_name.rpartition("/")[2].partition(":")[0]
    elif models:
        source = Path(str(models[0]).partition(":")[0]).stem
    else:
        source = Path(script or "service").stem
    name = re.sub(r"[^a-z0-9]+", "-", source.lower()).strip("-")
    if not re.match(r"[a-z].{2}", name):
        name = f"svc-{name}"
    return name[:_LONGEST_NAME].strip("-")
