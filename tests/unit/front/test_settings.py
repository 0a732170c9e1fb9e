"""Settings: which source wins, and what is told of wrong ones."""

from pathlib import Path

import pytest

from mlmagic.errors import ConfigurationError
from mlmagic.settings import Settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for setting in Settings.table().values():
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.delenv("CI", raising=False)


def test_defaults(tmp_path):
    settings = Settings(tmp_path)
    assert settings.default_target == "local"
    assert settings.deploy_timeout_seconds == 1200
    assert settings.headless is False
    assert settings.cache_directory.name == "mlmagic"
    assert settings.origin("default_target") == "default"


def test_each_source_wins_over_the_next(tmp_path, monkeypatch):
    (tmp_path / "mlmagic.toml").write_text('default_target = "kubernetes"\n')
    settings = Settings(tmp_path)
    assert (settings.default_target, settings.origin("default_target")) == (
        "kubernetes",
        "mlmagic.toml",
    )
    monkeypatch.setenv("MLMAGIC_DEFAULT_TARGET", "docker")
    assert settings.default_target == "docker"
    assert settings.origin("default_target") == "MLMAGIC_DEFAULT_TARGET"
    told = Settings(tmp_path, {"default_target": "local"})
    assert (told.default_target, told.origin("default_target")) == ("local", "argument")


def test_settings_are_read_when_asked(tmp_path):
    settings = Settings(tmp_path)
    assert settings.deploy_timeout_seconds == 1200
    (tmp_path / "mlmagic.toml").write_text("deploy_timeout_seconds = 30\n")
    assert settings.deploy_timeout_seconds == 30


def test_ci_means_headless_unless_told_otherwise(monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert Settings().headless is True
    monkeypatch.setenv("MLMAGIC_HEADLESS", "0")
    assert Settings().headless is False


def test_types(monkeypatch):
    monkeypatch.setenv("MLMAGIC_CACHE_DIR", "~/cache")
    settings = Settings()
    assert Settings(None, {"deploy_timeout_seconds": "1.5"}).deploy_timeout_seconds == 1.5
    assert settings.cache_directory == Path("~/cache").expanduser()


def test_an_unknown_key_of_the_file_is_told_with_the_nearest(tmp_path):
    (tmp_path / "mlmagic.toml").write_text("default_traget = 'x'\n")
    with pytest.raises(ConfigurationError, match="Did you mean 'default_target'"):
        Settings(tmp_path).check()


def test_an_unknown_argument_is_told():
    with pytest.raises(ConfigurationError, match="no setting 'headles'"):
        Settings(None, {"headles": True})
    with pytest.raises(ConfigurationError, match=r"'maybe' \(argument\), but must be true or"):
        Settings(None, {"headless": "maybe"})


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("headless", "maybe", "true or false"),
        ("deploy_timeout_seconds", "soon", "a number of seconds above zero"),
        ("deploy_timeout_seconds", "0", "a number of seconds above zero"),
    ],
)
def test_a_wrong_value_is_told_with_its_origin(name, value, rule, monkeypatch):
    variable = Settings.table()[name].variable
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=rf"'{value}' \({variable}\), but must be {rule}"):
        Settings().check()


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / "mlmagic.toml").write_text("= nothing")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Settings(tmp_path).check()


def test_rows_tell_everything():
    rows = Settings(None, {"headless": True}).rows()
    assert {"name", "value", "origin", "help", "problem"} == set(rows[0])
    assert [row["name"] for row in rows] == sorted(Settings.table())


def test_what_is_wrong_is_told_and_the_rest_goes_on(tmp_path, monkeypatch):
    (tmp_path / "mlmagic.toml").write_text("headless = 'maybe'\noutputs = 1\ntarget = 'docker'\n")
    monkeypatch.setenv("MLMAGIC_OUTPUT", "xml")
    settings = Settings(tmp_path)
    wrong = {row["name"]: row for row in settings.rows() if row["problem"]}
    assert list(wrong) == ["headless", "output", "outputs"]
    assert (wrong["headless"]["value"], wrong["headless"]["origin"]) == ("maybe", "mlmagic.toml")
    assert (wrong["output"]["value"], wrong["output"]["origin"]) == ("xml", "MLMAGIC_OUTPUT")
    assert "Did you mean 'output'" in wrong["outputs"]["problem"]
    assert settings.problems() == [row["problem"] for row in wrong.values()]
    assert settings.look_up(Settings.target, strict=False) == ("docker", "mlmagic.toml")
    assert settings.look_up(Settings.output, strict=False) == ("table", "default")


def test_of_a_damaged_file_the_other_sources_are_told(tmp_path, monkeypatch):
    (tmp_path / "mlmagic.toml").write_text("= nothing")
    monkeypatch.setenv("MLMAGIC_TARGET", "docker")
    rows = {row["name"]: row for row in Settings(tmp_path).rows()}
    assert (rows["target"]["value"], rows["target"]["problem"]) == ("docker", "")
    assert "at line 1, column 1" in rows["mlmagic.toml"]["problem"]


def test_a_file_of_windows_is_read(tmp_path):
    (tmp_path / "mlmagic.toml").write_bytes(b"\xef\xbb\xbftarget = 'docker'\r\n")
    assert Settings(tmp_path).target == "docker"
