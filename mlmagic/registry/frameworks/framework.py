"""What a row of the table of frameworks says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Saved:
    """An object as files.

    Attributes:
        name: The file or folder that was written, such as ``model.skops``.
        loader: How ``mlmagic.scoring.load_model`` reads it: a name it knows, or
            ``MODULE:FUNCTION``, which is called with the path. With ``@FILE`` behind it, a file of
            the model's folder.
        modules: Top-level modules that loading needs, besides the framework's.
    """

    name: str
    loader: str
    modules: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Framework:
    """One library.

    Attributes:
        name: Ours; ``v1`` is what Azure ML v1 calls it.
        module: The top-level module of its classes.
        distribution: The package that brings it.
        save: Writes a live object into a folder; None where a pickle is all there is.
        to_onnx: Makes an ONNX model of a live object and a sample input.
        suffixes: Of its files, to the loader that reads them.
        needs: Distributions that loading needs besides.

    Example:
        A package offers a framework of its own in its ``pyproject.toml``::

            [project.entry-points."mlmagic.frameworks"]
            acme = "acme_ml.mlmagic:FRAMEWORK"

        where ``FRAMEWORK`` is a ``Framework`` whose ``save`` gives the loader
        ``acme_ml.mlmagic:load``.
    """

    name: str
    module: str
    distribution: str
    v1: str = ""
    save: Callable[[Any, Path], Saved] | None = None
    to_onnx: Callable[[Any, Any], bytes] | None = None
    suffixes: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Described:
    """What is known of a model's files before they are registered.

    Attributes:
        file: Which of them the loader reads, where it is not the whole.
        modules: Top-level modules that loading imports.
        trusted_types: Types approved for a skops archive.
        requirements: What the model itself says it needs, where it does.
        schema: Inputs and outputs, where the model tells them.
        facts: What the files say of themselves, such as architecture and quantisation.
        example: An input that the model brings, as a JSON value.
    """

    framework: str = "custom"
    loader: str | None = None
    file: str = ""
    modules: frozenset[str] = field(default=frozenset())
    trusted_types: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    schema: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    example: Any = None
