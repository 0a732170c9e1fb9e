"""The table in the docs is made from the code, and what it says is refused is refused."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from mlmagic.azureml.coverage import Refused, rows

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date():
    answer = subprocess.run(
        [sys.executable, "-m", "mlmagic.azureml.page", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout


def test_what_is_refused_says_what_to_use_here():
    refused = [row for row in rows() if row.status == "refused"]
    assert len(refused) > 50
    for row in refused:
        owner = getattr(importlib.import_module(f"mlmagic.{row.module}"), row.owner)
        use = owner
        if row.member not in ("(class)", "(function)"):
            found = (vars(kind).get(row.member) for kind in owner.__mro__)
            use = next(member for member in found if isinstance(member, Refused)).refuse
        with pytest.raises(NotImplementedError, match=r"needs the cloud of Azure ML\. .+"):
            use()


def test_what_differs_says_how():
    assert all(len(row.note) > 10 for row in rows() if row.status != "works")
