"""What a model's file needs, of the packages that are installed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.registry import frameworks

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_all_that_share_a_namespace_package_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, version in (("common", "1.0"), ("tabular", "1.1")):  # as AutoGluon's are
        (tmp_path / "shining" / part).mkdir(parents=True)
        (tmp_path / "shining" / part / "__init__.py").touch()
        facts = tmp_path / f"shining.{part}-{version}.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Name: shining.{part}\nVersion: {version}\n")
        (facts / "RECORD").write_text(f"shining/{part}/__init__.py,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = frameworks.requirements("scikit-learn", "joblib", ["shining"])
    assert {"shining.common==1.0", "shining.tabular==1.1"} <= {*found}
