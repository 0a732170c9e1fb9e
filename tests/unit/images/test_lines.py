"""What is taken for the lines of a Dockerfile, and what for the path of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ConfigurationError
from mlmagic.images.building import named_below, read_lines

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("times", [1, 100, 1000])
def test_a_line_is_no_path_however_long_it_is(times: int) -> None:
    line = f"RUN apt-get install -y {'libgomp1 ' * times}"
    assert read_lines(line) == line


def test_a_file_may_have_a_space_in_its_name_and_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "our base"
    file.write_text("RUN true", encoding="utf-8-sig")
    assert read_lines(str(file)) == "RUN true"


@pytest.mark.parametrize("name", ["gone", "g" * 300])
def test_a_word_is_the_path_of_a_file(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_lines(name)


@pytest.mark.parametrize(
    ("lines", "images"),
    [
        ("FROM python AS python\nCOPY --from=python / /", ["python"]),
        ("ARG V=1\nFROM a:${V}\nARG V=2\nFROM b:$V", ["a:1", "b:1"]),
        ("FROM a:${V:-1}\nARG V=2", ["a:1"]),
        ("from --platform=linux/amd64 a as One\nFROM one\nCOPY --from=0 / /", ["a"]),
        (
            "FROM a\nRUN --mount=type=cache,target=/c \\\n # ours\n --mount=from=b,target=/b x",
            ["a", "b"],
        ),
        ("FROM a\nRUN make --from=b", ["a"]),
    ],
)
def test_which_images_lines_stand_on(lines: str, images: list[str]) -> None:
    assert named_below(lines) == images
