"""The project for people without a model."""

from __future__ import annotations

import nbformat
import pytest

from mlmagic.errors import ConfigurationError
from mlmagic.runs import write_quickstart

NAMES = ["diabetes.ipynb", "README.md", "requirements.txt", "score.py"]


def test_it_writes_a_valid_notebook_first(tmp_path):
    paths = write_quickstart(tmp_path / "new" / "project")
    assert [path.name for path in paths] == NAMES
    nbformat.validate(nbformat.read(paths[0], as_version=4))


def test_it_refuses_to_write_over_files_and_writes_nothing(tmp_path):
    (tmp_path / "score.py").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"already holds 'score.py'\."):
        write_quickstart(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["score.py"]
    assert (tmp_path / "score.py").read_text() == "mine"


def test_it_replaces_files_when_told_to(tmp_path):
    (tmp_path / "score.py").write_text("mine")
    write_quickstart(tmp_path, overwrite=True)
    assert "load_model" in (tmp_path / "score.py").read_text()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_quickstart(tmp_path / "file" / "project")
