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
        Settings.read(tmp_path)


def test_an_unknown_argument_is_told():
    with pytest.raises(ConfigurationError, match="no setting 'headles'"):
        Settings(None, {"headles": True})


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
        Settings.read(None)


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / "mlmagic.toml").write_text("= nothing")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Settings.read(tmp_path)


def test_rows_tell_everything():
    rows = Settings(None, {"headless": True}).rows()
    assert {"name", "value", "origin", "help"} == set(rows[0])
    assert [row["name"] for row in rows] == sorted(Settings.table())
