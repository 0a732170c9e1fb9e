"""Reading a log from where the last reading ended."""

from __future__ import annotations

import pytest

from mlmagic.targets.logs import after, read_on


@pytest.fixture
def log(tmp_path):
    return tmp_path / "service.log"


def write(path, *lines, end="\n"):
    with path.open("a") as stream:
        stream.write("\n".join(lines) + end)


def test_begins_with_the_last_lines_and_reads_on(log):
    write(log, *(f"old {number}" for number in range(10)))
    page = read_on(log, None, 3)
    assert page.lines == ["old 7", "old 8", "old 9"]
    write(log, "new")
    page = read_on(log, page.mark, 3)
    assert (page.lines, page.dropped) == (["new"], 0)
    assert read_on(log, page.mark, 3).lines == []


def test_counts_what_it_leaves_out(log):
    write(log, "first")
    mark = read_on(log, None, 5).mark
    write(log, *(str(number) for number in range(1_000)))
    page = read_on(log, mark, 5)
    assert (page.lines, page.dropped) == (["995", "996", "997", "998", "999"], 995)


def test_a_line_that_is_still_written_waits_for_its_end(log):
    write(log, "whole", "half", end="")
    page = read_on(log, (log.stat().st_ino, 0), 5)
    assert page.lines == ["whole"]
    write(log, "-done")
    assert read_on(log, page.mark, 5).lines == ["half-done"]


def test_follows_a_log_that_is_rotated(log):
    write(log, "one")
    mark = read_on(log, None, 5).mark
    write(log, "two")
    log.rename(log.with_name("service.log.1"))
    write(log, "three")
    page = read_on(log, mark, 5)
    assert page.lines == ["two", "three"]
    write(log, "four")
    assert read_on(log, page.mark, 5).lines == ["four"]


def test_a_log_that_begins_later_is_read_whole(log):
    page = read_on(log, None, 5)
    assert page.lines == []
    write(log, "first")
    assert read_on(log, page.mark, 5).lines == ["first"]


def test_without_a_place_lines_are_compared():
    assert after(["a", "b"], ["b", "c"]) == ["c"]
    assert after(["a", "b"], ["a", "b"]) == []
    assert after(["a"], ["x", "y"]) == ["x", "y"]
