"""The public names are exactly those listed, and each can be had."""

from __future__ import annotations

import ast
from pathlib import Path

import mlmagic


def test_the_public_names_are_sorted_and_exact():
    assert list(mlmagic.__all__) == sorted(mlmagic.__all__)
    assert dir(mlmagic) == list(mlmagic.__all__)


def test_every_public_name_can_be_had():
    for name in mlmagic.__all__:
        assert getattr(mlmagic, name) is not None


def test_type_checkers_see_what_is_loaded_lazily():
    source = ast.parse(Path(mlmagic.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mlmagic")
        for alias in node.names
    }
    assert set(mlmagic.__all__) <= imported
