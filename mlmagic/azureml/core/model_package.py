"""``Model.package``: an image, or the files to build one from."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.container_registry import ContainerRegistry
from mlmagic.azureml.coverage import differs, refuse
from mlmagic.azureml.exceptions import WebserviceException
from mlmagic.azureml.translating import as_v1

if TYPE_CHECKING:
    from mlmagic.azureml.core.environment import Environment
    from mlmagic.azureml.core.inference_config import InferenceConfig
    from mlmagic.azureml.core.workspace import Workspace
    from mlmagic.images import Package

_SUCCEEDED = "Succeeded"


@refuse("Read them: get_logs().", properties=("package_build_log_uri",))
@differs("Made by Model.package alone; what it holds is on this machine")
class ModelPackage:
    """An image in the engine of this machine, or a folder to build one from.

    Attributes:
        workspace: Where the models are registered.
        generate_dockerfile: Whether it is a folder.
        state: v1's word for what is made: ``Succeeded``.
        location: The image's name; of a folder, where it lies until it is saved.
        error: Always None: what cannot be made is not returned.
    """

    workspace: Workspace
    generate_dockerfile: bool
    state: str
    location: str
    error: None

    def __init__(
        self, workspace: Workspace, operation_id: str, environment: Environment | None
    ) -> None:
        self.workspace, self.location = workspace, operation_id
        self._environment = environment
        self.generate_dockerfile = Path(operation_id).is_dir()
        self.state, self.error = _SUCCEEDED, None
        self._log: list[str] = []

    def pull(self) -> None:
        """Nothing is to be fetched: the image is in the engine of this machine."""
        if self.generate_dockerfile:
            raise WebserviceException("A Dockerfile package cannot be pulled. Use save() instead.")

    def save(self, output_directory: str) -> None:
        """Copy the Dockerfile and what it needs into a folder."""
        if not self.generate_dockerfile:
            raise WebserviceException(
                "Docker images cannot be saved to a local directory. Use pull() instead."
            )
        place = Path(output_directory)
        if place.exists() and not place.is_dir():
            raise WebserviceException(f"Error, output path is not a directory: {output_directory}")
        shutil.copytree(self.location, place, dirs_exist_ok=True)

    @differs("The lines of progress; there is no log of a cloud's build")
    def get_logs(self, decode: bool = True, offset: int = 0) -> str | bytes:
        """Return what was said while it was made."""
        content = "".join(f"{line}\n" for line in self._log).encode()[offset:]
        return content.decode(errors="replace") if decode else content

    @differs("Empty: the image lies in the engine of this machine")
    def get_container_registry(self) -> ContainerRegistry:
        """Return where the image is."""
        return ContainerRegistry()

    def update_creation_state(self) -> None:
        """Nothing is remembered that could be old."""

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Return at once: it is made."""
        if show_output:
            print(*self._log, f"Package creation {self.state}", sep="\n")

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        return {
            "generateDockerfile": self.generate_dockerfile,
            "state": self.state,
            "location": self.location,
        }

    def __repr__(self) -> str:
        return (
            f"ModelPackage(workspace={self.workspace!r}, "
            f"generate_dockerfile={self.generate_dockerfile}, state={self.state}"
            + ("" if self.generate_dockerfile else f", location={self.location}")
            + ")"
        )


@as_v1
def package(
    workspace: Workspace,
    models: list[Any],
    inference_config: InferenceConfig | None,
    *,
    generate_dockerfile: bool,
    image_name: str | None,
    image_label: str | None,
) -> ModelPackage:
    """Package; see `Model.package`."""
    from mlmagic.azureml.core.webservice.deploying import model_references

    if inference_config is None or inference_config.environment is None:
        raise WebserviceException(
            "Error, model packaging requires an InferenceConfig containing an Environment object."
        )
    log: list[str] = []
    scratch = tempfile.mkdtemp(prefix="mlmagic-package-") if generate_dockerfile else None
    found: Package = workspace.local.package_models(
        model_references(workspace, models, register_paths=True),
        inference_config=inference_config.build_create_payload(workspace, "package", []),
        to="dockerfile" if generate_dockerfile else "image",
        image_name=image_name,
        image_label=image_label,
        output_path=Path(scratch, "context") if scratch else None,
        # As v1's images: without keys unless the deployment says so.
        auth="none",
        on_event=log.append,
    )
    made = ModelPackage(workspace, str(found.location), inference_config.environment)
    made._log = log
    if scratch:
        weakref.finalize(made, shutil.rmtree, scratch, ignore_errors=True)
    return made
