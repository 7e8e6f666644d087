import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from daemon.cli.settings import DaemonSettings, Settings, line_of, load_settings
from daemon.cli.typed import kept_typed
from daemon.operations.errors import UsageError
from daemon.web.bounds import Bounds

WHOLE = """
[daemon]
max_concurrent_runs = 3
grace_s = 2

[[code_location]]
name = "weather"
file = "weather/pipeline.py"

[[code_location]]
name = "sales"
module = "sales.assets"
python = "venv/bin/python"
working_directory = "sales"
"""


def load(folder: Path, toml: str | None = None, environment: dict[str, str] | None = None) -> Settings:
    if toml is not None:
        (folder / "backfilld.toml").write_text(toml)
    return load_settings(home=None, database_url=None, environment=environment or {}, folder=folder)


def test_without_anything_the_home_is_here_and_the_database_embedded(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings(tmp_path / ".backfilld", None, (), DaemonSettings(), None)


def test_an_option_wins_over_the_environment(tmp_path: Path) -> None:
    environment = {
        "BACKFILLD_HOME": "from_environment",
        "BACKFILLD_DATABASE_URL": "postgresql://environment/x",
    }
    settings = load(tmp_path, environment=environment)
    assert settings.home == tmp_path / "from_environment"
    assert settings.database_url == "postgresql://environment/x"
    settings = load_settings(
        home=Path("/elsewhere"),
        database_url="postgresql://option/x",
        environment=environment,
        folder=tmp_path,
    )
    assert settings.home == Path("/elsewhere")
    assert settings.database_url == "postgresql://option/x"


def test_the_file_names_code_relative_to_itself(tmp_path: Path) -> None:
    settings = load(tmp_path, WHOLE)
    assert settings.file == tmp_path / "backfilld.toml"
    assert settings.daemon == DaemonSettings(max_concurrent_runs=3, grace_s=2)
    weather, sales = settings.code_locations
    assert (weather.name, weather.code) == ("weather", str(tmp_path / "weather/pipeline.py"))
    assert (weather.python, weather.working_directory) == (sys.executable, tmp_path)
    assert (sales.name, sales.code) == ("sales", "sales.assets")
    assert sales.python == str(tmp_path / "venv/bin/python")
    assert sales.working_directory == tmp_path / "sales"


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("[daemon\n", "backfilld.toml is not TOML"),
        ("\n[deamon]\n", "line 2: unknown key 'deamon'. Did you mean daemon?"),
        (
            "[daemon]\n\nmax_concurent_runs = 1\n",
            "line 3: unknown key 'max_concurent_runs'. Did you mean max_",
        ),
        ("[daemon]\nmax_concurrent_runs = 0\n", "line 2: max_concurrent_runs is 0: Expected `int` >= 1."),
        ("[daemon]\ngrace_s = 'long'\n", "line 2: grace_s is 'long': Expected `float`, got `str`."),
        (
            "[daemon]\nkeep_run_files = '30 days'\n",
            "line 2: keep_run_files is '30 days': Expected `str` matching",
        ),
        ("daemon = 3\n", "line 1: expected a table [daemon], found 3."),
        ("[code_location]\nname = 'a'\n", "line 1: expected [[code_location]], in double brackets."),
        (
            "[[code_location]]\nname = 'a'\n",
            "line 1: a code location needs either file or module, found neither.",
        ),
        (
            "[[code_location]]\nname = 'a'\nfile = 'a.py'\nmodule = 'a'\n",
            "line 1: a code location needs either file or module, found both.",
        ),
        ("[[code_location]]\nfile = 'a.py'\n", "line 1: name is missing."),
        ("[[code_location]]\nname = '../a'\nfile = 'a.py'\n", "line 2: name is '../a'"),
        (
            "[[code_location]]\nname = 'a'\nfile = 'a.py'\n[[code_location]]\nfile = 'b.py'\nname = 'a'\n",
            "line 6: the name 'a' is taken by an earlier code location.",
        ),
        ("daemon = {grace = 1}\n", "[daemon]: unknown key 'grace'. Did you mean grace_s?"),
    ],
)
def test_a_bad_file_is_told_in_a_sentence_with_its_line(tmp_path: Path, toml: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        load(tmp_path, toml)
    assert sentence in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_a_key_is_found_in_the_table_it_belongs_to() -> None:
    text = "a = 1\n[x]\na = 2\n[[y]]\na = 3\n[[y]]\n'a' = 4\n"
    assert line_of(text, "", 0, "a") == 1
    assert line_of(text, "x", 0, "a") == 3
    assert line_of(text, "y", 1, "a") == 7
    assert line_of(text, "y", 1, None) == 6
    assert line_of(text, "y", 2, "a") is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("90min", timedelta(minutes=90)),
        ("0s", timedelta(0)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("forever", None),
    ],
)
def test_a_time_to_keep_files_is_understood(text: str, kept: timedelta | None) -> None:
    assert kept_typed(text) == kept


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1d 2h", "9999999d"])
def test_another_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time to keep files"):
        kept_typed(text)


def test_bounds_of_the_web_are_read_and_others_keep_their_defaults(tmp_path: Path) -> None:
    web = load(tmp_path, "[web]\nstreams_each_max = 7\nhead_timeout_s = 2.5\n").web
    assert msgspec.convert(web, Bounds, from_attributes=True) == Bounds(
        streams_each_max=7, head_timeout_s=2.5
    )
    for line in ("streams_max = 0", "stall_timeout_s = 0", "body_bytes_max = -1"):
        with pytest.raises(UsageError, match=f"line 2: {line.split()[0]} is "):
            load(tmp_path, f"[web]\n{line}\n")
