import os
import subprocess
import sys
from pathlib import Path

import mlmagic
from mlmagic.environments import place_runtime, runtime_digest, runtime_requirements


def test_the_digest_does_not_depend_on_compiled_files() -> None:
    before = runtime_digest()
    compiled = Path(mlmagic.__file__).parent / "scoring/__pycache__"
    compiled.mkdir(exist_ok=True)
    leftover = compiled / "leftover-of-a-test.cpython-311.pyc"
    leftover.write_bytes(b"x")
    try:
        assert runtime_digest() == before
    finally:
        leftover.unlink()


def test_the_runtime_is_placed_once(tmp_path: Path) -> None:
    place = place_runtime(tmp_path)
    assert place == tmp_path / "runtime" / runtime_digest()
    assert place_runtime(tmp_path) == place
    assert [path.name for path in (tmp_path / "runtime").iterdir()] == [place.name]
    assert not (place / "mlmagic/entities").exists()
    assert list((place / "mlmagic").glob("__pycache__/__init__.*.pyc"))


def test_a_python_without_us_finds_it(tmp_path: Path) -> None:
    place = place_runtime(tmp_path)
    code = (
        "import mlmagic, importlib.util as u;"
        "print(mlmagic.__file__, bool(u.find_spec('mlmagic.scoring')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(place)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert result.stdout.split() == [str(place / "mlmagic/__init__.py"), "True"]


def test_what_the_runtime_needs() -> None:
    assert any(line.startswith("uvicorn") for line in runtime_requirements())
    assert not any("#" in line for line in runtime_requirements())
