"""A notebook made ready to run: loaded, with its kernel and its parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlmagic.errors import UsageError, did_you_mean
from mlmagic.runs import storage
from mlmagic.runs.parameters import unknown_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.runs.kernels import Kernel
    from mlmagic.runs.storage import Place

_EXECUTED = ".executed.ipynb"
_PROVIDED = "injected-azureml"


def output_place(source: Place, output: str | Path | None) -> Place:
    """Decide where the executed notebook goes; of an address, into the current folder.

    Raises:
        UsageError: It would replace the notebook itself.
    """
    name = storage.name_of(source)
    if output is None:
        folder = source.parent if isinstance(source, Path) else Path.cwd()
        return folder / (PurePosixPath(name).stem + _EXECUTED)
    target = storage.place_of(output)
    if isinstance(target, str):
        target += name if target.endswith("/") else ""
    elif target.is_dir():
        target /= name
    if target == source:
        raise UsageError(
            f"The output '{storage.shown(target)}' would replace the notebook itself.",
            hint="Name another file, or none for one beside it.",
        )
    return target


def prepare(
    source: Place,
    target: Place,
    values: dict[str, Any],
    kernel: Kernel,
    tell: Callable[[str], None],
    *,
    azureml: bool,
) -> tuple[Any, Kernel]:
    """Load a notebook, choose its kernel and put the parameters in.

    Returns:
        The document to execute, and the kernel by its name.

    Raises:
        UsageError: The file is not a notebook, or there is no such kernel.
    """
    from papermill.execute import prepare_notebook_metadata, remove_error_markers
    from papermill.inspection import _infer_parameters
    from papermill.parameterize import parameterize_notebook

    document = _load(source)
    name, language = _choose_kernel(document, source, kernel, tell, azureml=azureml)
    if values:
        declared = [p.name for p in _infer_parameters(document, name=name, language=language)]
        for line in unknown_parameters(values, declared):
            tell(line)
        document = parameterize_notebook(document, values, kernel_name=name, language=language)
    if azureml:
        _provide_azureml(document)
    document = prepare_notebook_metadata(
        document, f"{storage.shown(source)}", f"{storage.shown(target)}"
    )
    return remove_error_markers(document), replace(kernel, name=name)


def _provide_azureml(document: Any) -> None:
    """Put the cell first that lets Azure ML v1's names be imported, where it is not there yet."""
    from nbformat.v4 import new_code_cell

    if not any(_PROVIDED in cell.metadata.get("tags", ()) for cell in document.cells):
        cell = new_code_cell("%load_ext mlmagic.azureml", metadata={"tags": [_PROVIDED]})
        document.cells.insert(0, cell)


def _load(source: Place) -> Any:
    import json

    from nbformat import ValidationError, from_dict
    from papermill.iorw import load_notebook_node

    if isinstance(source, Path) and source.is_dir():
        raise UsageError(f"The notebook '{source}' is a folder.", hint="Name a file.")
    try:
        if isinstance(source, str):
            return load_notebook_node(from_dict(json.loads(storage.read(source))))
        return load_notebook_node(str(source))
    except FileNotFoundError as error:
        source = Path(source)
        near = did_you_mean(source.name, [path.name for path in source.parent.glob("*.ipynb")])
        raise UsageError(f"The notebook '{source}' does not exist.", hint=near) from error
    except OSError as error:
        raise UsageError(f"The notebook '{source}' cannot be read: {error.strerror}.") from error
    except (ValueError, ValidationError, LookupError, AttributeError, TypeError) as error:
        raise UsageError(f"The file '{storage.shown(source)}' is not a notebook.") from error


def _choose_kernel(
    document: Any, source: Place, kernel: Kernel, tell: Callable[[str], None], *, azureml: bool
) -> tuple[str, str]:
    """Return the name and the language of the kernel to run with.

    Notebooks of Azure ML v1 name kernels of its machines; those of Python run in ours.
    """
    from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, NoSuchKernel

    own = document.metadata.get("kernelspec", {})
    name = kernel.name or own.get("name")
    if not name and not azureml:
        raise UsageError(
            f"The notebook '{storage.shown(source)}' names no kernel.",
            hint="Name one, such as -k python3.",
        )
    known = kernel.specs.find_kernel_specs()
    language = own.get("language") or document.metadata.get("language_info", {}).get("name")
    is_python = str(language or "python").lower() == "python"
    if azureml and not kernel.name and is_python and name not in known:
        if name:
            tell(f"There is no kernel '{name}' here: the notebook runs in '{NATIVE_KERNEL_NAME}'.")
        name = NATIVE_KERNEL_NAME
    try:
        return name, kernel.specs.get_kernel_spec(name).language
    except NoSuchKernel as error:
        hint = did_you_mean(name, known)
        raise UsageError(f"There is no kernel '{name}'.", hint=hint) from error
