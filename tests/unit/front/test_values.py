"""How the text of an option becomes a value."""

import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmagic.options import gigabytes, parse_quantity, read_body, read_sample


@pytest.mark.parametrize(
    ("text", "number"),
    [("512Mi", 512 * 2**20), ("1G", 10**9), ("500m", Decimal("0.5")), ("2", 2), ("1.5k", 1500)],
)
def test_quantities(text, number):
    assert parse_quantity(text) == number


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1g", "did you mean '1G' or '1Gi'"),
        ("512mb", "did you mean '512M' or '512Mi'"),
        ("2kb", "did you mean '2k' or '2Ki'"),
        ("much", "is not a quantity such as"),
        ("-1G", "is not a quantity such as"),
    ],
)
def test_wrong_quantities_say_the_nearest(text, told):
    with pytest.raises(ValueError, match=told):
        parse_quantity(text)


@given(st.decimals(min_value="0.001", max_value=10_000, places=3))
def test_gigabytes_become_quantities(number):
    assert parse_quantity(gigabytes(float(number))) == number * 10**9


def test_bodies_come_from_files_from_the_input_and_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text('{"a": 1}')
    (tmp_path / "a.bin").write_bytes(b"\xff\x00")
    monkeypatch.setattr("sys.stdin", io.StringIO("typed"))
    assert read_body(f"@{tmp_path / 'a.json'}") == '{"a": 1}'
    assert read_body(f"@{tmp_path / 'a.bin'}") == b"\xff\x00"
    assert read_body("-") == "typed"
    assert read_body("[1]") == "[1]"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"the file '.*nope' cannot be read \(No such file"):
        read_body(f"@{tmp_path / 'nope'}")


def test_samples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.json").write_text("[1, 2]")
    (tmp_path / "s.png").write_bytes(b"\x89PNG")
    assert read_sample("@s.json") == [1, 2]
    assert read_sample("@s.png") == b"\x89PNG"
    assert read_sample('{"a": [1]}') == {"a": [1]}
    with pytest.raises(ValueError, match=r"write '@s\.json' for the file"):
        read_sample("s.json")
