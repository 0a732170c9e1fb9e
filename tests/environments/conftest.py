from pathlib import Path

import pytest

from mlmagic.environments import Environments

PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "{version}"
dependencies = {dependencies}
[tool.hatch.build.targets.wheel]
packages = ["src/{module}"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "ws/.mlmagic").mkdir(parents=True)
    return tmp_path / "ws"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def environments(root: Path, cache: Path) -> Environments:
    return Environments(root / ".mlmagic/environments", cache, root)


def make_project(
    folder: Path, name: str, *, version: str = "0.1.0", dependencies: tuple[str, ...] = ()
) -> Path:
    """Write a project whose module tells its name."""
    module = name.replace("-", "_")
    (folder / "src" / module).mkdir(parents=True)
    (folder / "src" / module / "__init__.py").write_text(f"NAME = {name!r}\n")
    text = PROJECT.format(
        name=name, version=version, module=module, dependencies=list(dependencies)
    )
    (folder / "pyproject.toml").write_text(text)
    return folder
