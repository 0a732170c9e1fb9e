from pathlib import Path

import pytest

from mlmagic.scripts import imported_modules


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "score.py"


@pytest.mark.parametrize(
    ("source", "needed", "optional"),
    [
        ("import json, os.path\nimport pandas as pd", ["pandas"], []),
        ("from sklearn.linear_model import Ridge", ["sklearn"], []),
        ("from mlmagic.scoring import load_model", [], []),
        ("from __future__ import annotations", [], []),
        ("try:\n    import xgboost\nexcept ImportError:\n    xgboost = None", [], ["xgboost"]),
        ("try:\n    import a\nexcept (ImportError, OSError):\n    import b", [], ["a", "b"]),
        ("try:\n    import a\nexcept ValueError:\n    pass", ["a"], []),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", [], []),
        ("import sys\nif sys.version_info < (3, 11):\n    import tomli", [], ["tomli"]),
        ("if __name__ == '__main__':\n    import rich", [], ["rich"]),
        ("def run(d):\n    import numpy", ["numpy"], []),
        ("import importlib\nm = importlib.import_module('yaml')", ["yaml"], []),
        ("try:\n    import a\nexcept ImportError:\n    pass\nimport a", ["a"], []),
        ("import a b", [], []),
    ],
)
def test_names_that_distributions_provide(source, needed, optional):
    found = imported_modules(source)
    assert list(found.distributions) == needed
    assert list(found.optional) == optional


def test_local_modules_travel_and_are_searched(tmp_path):
    script = write(
        tmp_path,
        {
            "score.py": "import helpers\nfrom pkg import sub\nimport random",
            "helpers.py": "import numpy\nimport other.deep",
            "other/deep.py": "import score, scipy",
            "pkg/__init__.py": "",
            "pkg/sub.py": "from . import sister\nfrom .. import nothing",
            "pkg/sister.py": "import polars",
            "pkg/unused.py": "import torch",
            "pkg/words.txt": "a",
            "pkg/__pycache__/x.pyc": "",
            "random.py": "",
            "stranger.py": "",
        },
    )
    found = imported_modules(script)
    assert found.distributions == ("numpy", "polars", "scipy")
    assert [file.name for file in found.local_files] == [
        "helpers.py",
        "other/deep.py",
        "pkg/__init__.py",
        "pkg/sister.py",
        "pkg/sub.py",
        "pkg/unused.py",
        "pkg/words.txt",
        "random.py",
        "score.py",
    ]


def test_a_folder_without_init_does_not_hide_a_distribution(tmp_path):
    script = write(tmp_path, {"score.py": "import numpy", "numpy/notes.py": ""})
    assert imported_modules(script).distributions == ("numpy",)


def test_the_runtime_is_not_taken_for_a_local_package(tmp_path):
    script = write(tmp_path, {"score.py": "import mlmagic.scoring", "mlmagic/__init__.py": ""})
    assert imported_modules(script).files == ()


def test_roots_are_searched(tmp_path):
    script = write(tmp_path / "a", {"score.py": "import lib"})
    write(tmp_path / "b", {"lib.py": "import numpy"})
    found = imported_modules(script, roots=[tmp_path / "b"])
    assert found.files == (tmp_path / "b" / "lib.py",)
    assert found.external[0].line == 1
    assert found.external[0].via == tmp_path / "b" / "lib.py"


def test_a_broken_local_module_is_told(tmp_path):
    script = write(tmp_path, {"score.py": "\nimport helpers", "helpers.py": "def f(:\n"})
    ((reason, message),) = imported_modules(script).broken
    assert reason.line == 2
    assert "'helpers.py' line 1" in message
