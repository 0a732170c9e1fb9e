"""What tells the services of one workspace from those of others on an engine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from mlmagic.targets.docker.labels import owner_of

if TYPE_CHECKING:
    from pathlib import Path

ASK = (
    "import sys, pathlib; from mlmagic.targets.docker.labels import owner_of; "
    "print(owner_of(pathlib.Path(sys.argv[1])))"
)


def owner_on_a_renamed_machine(directory: Path) -> str:
    """Ask as if the machine had got another name since, as a container does that is made anew."""
    renamed = ("unshare", "-r", "--uts", "sh", "-c", 'hostname renamed; exec "$@"', "sh")
    return subprocess.run(
        [*renamed, sys.executable, "-c", ASK, directory], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_workspace_keeps_its_services_where_the_machine_or_the_folder_gets_another_name(
    tmp_path: Path,
) -> None:
    services = tmp_path / "services"
    owner = owner_of(services)
    assert owner_on_a_renamed_machine(services) == owner
    (services / "owner").mkdir()  # a service may be called so
    assert owner_on_a_renamed_machine(services) == owner
    moved = services.rename(tmp_path / "moved")
    assert (owner_of(moved), owner_on_a_renamed_machine(moved)) == (owner, owner)


def test_a_copy_of_a_workspace_has_services_of_its_own(tmp_path: Path) -> None:
    owner = owner_of(tmp_path / "services")
    copy = shutil.copytree(tmp_path / "services", tmp_path / "copy")
    of_copy = owner_of(copy)
    assert of_copy != owner
    shutil.rmtree(tmp_path / "services")
    assert owner_of(copy) == of_copy
