import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.errors import PermanentError
from pipeline.settings import Settings, load
from pipeline.settings.renamed import RENAMED

KEY = "k-4711-secret"

Environment = Callable[..., None]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    """Nothing is set, no ``.env`` is near; call it to set variables."""
    for name in [*Settings.model_fields, *RENAMED, "dagster_home"]:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.chdir(tmp_path)

    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


def test_every_setting_is_read_from_the_environment(environment: Environment, tmp_path: Path) -> None:
    given = {
        "DIDWW_API_KEY": KEY,
        "DIDWW_API_URL": "https://sandbox-api.didww.com/v3/",
        "DIDWW_API_VERSION": "2022-05-10",
        "DIDWW_TOKEN_URL": "https://auth-sandbox.didww.com/token",
        "DIDWW_CALLBACK_URL": "https://calls.example.com/didww",
        "DIDWW_CALLBACK_SECRET": "a secret of the vendor's panel",
        "CDR_DATA_DIR": str(tmp_path / "archive"),
        "CDR_RECORD_TYPES": "cdr_out",
        "CDR_EXPORTS": str(tmp_path / "exports.toml"),
        "CDR_START_MONTH": "2026-03-31",
        "CDR_POLL_SECONDS": "5",
        "CDR_EXPORT_DEADLINE_HOURS": "1.5",
        "CDR_INSTALLATION": "second-archive",
        "CDR_MAX_REJECTED_SHARE": "0.05",
        "CDR_MAX_SHRINK_SHARE": "0.25",
        "CDR_MAX_DOWNLOAD_GB": "1.5",
        "CDR_MAX_DOWNLOAD_HOURS": "0.5",
        "CDR_HISTORY_DAYS": "400",
        "CDR_RUN_HISTORY_DAYS": "30",
        "CDR_UI_HOSTS": "calls.example.com, Calls.example.org",
        "CDR_ALARM_WEBHOOK": "https://hooks.example.com/token",
        "CDR_ALARM_EMAIL_TO": "ops@example.com,night@example.com",
        "CDR_ALARM_EMAIL_FROM": "cdr@example.com",
        "CDR_SMTP_URL": "smtps://cdr:word@mail.example.com",
        "CDR_PSEUDONYM_KEY": "a secret of thirty-two characters",
        "CDR_PSEUDONYM_DIGITS": "4",
        "CDR_CALL_RETENTION_MONTHS": "12",
        "CDR_AGGREGATE_RETENTION_MONTHS": "60",
    }
    assert set(given) == {name.upper() for name in Settings.model_fields}
    environment(**given)
    settings = load()
    assert settings.didww_api_key.get_secret_value() == KEY
    assert settings.didww_api_url == "https://sandbox-api.didww.com/v3"
    assert settings.didww_api_version == "2022-05-10"
    assert settings.didww_callback_url == "https://calls.example.com/didww"
    assert settings.didww_callback_secret.get_secret_value() == "a secret of the vendor's panel"
    assert settings.cdr_data_dir == tmp_path / "archive"
    assert settings.cdr_record_types == ("cdr_out",)
    assert settings.cdr_start_month == "2026-03"
    assert settings.cdr_poll_seconds == 5
    assert settings.cdr_export_deadline_hours == 1.5
    assert settings.cdr_installation == "second-archive"
    assert settings.cdr_max_shrink_share == 0.25
    assert (settings.cdr_max_download_gb, settings.cdr_max_download_hours) == (1.5, 0.5)
    assert settings.cdr_max_rejected_share == 0.05
    assert (settings.cdr_run_history_days, settings.cdr_ui_hosts) == (30, ("calls.example.com", "Calls.example.org"))
    assert settings.cdr_history_days == 400
    assert settings.cdr_pseudonym_key.get_secret_value() == "a secret of thirty-two characters"
    assert settings.cdr_pseudonym_digits == 4
    assert (settings.cdr_call_retention_months, settings.cdr_aggregate_retention_months) == (12, 60)


def test_without_any_setting_there_are_defaults_for_all_but_the_key(tmp_path: Path) -> None:
    settings = load()
    assert settings.didww_api_key.get_secret_value() == ""
    assert settings.didww_api_url == "https://api.didww.com/v3"
    assert settings.cdr_record_types == ("cdr_in", "cdr_out")
    assert settings.cdr_data_dir == tmp_path / "data"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cdr_in", ("cdr_in",)),
        ("cdr_out, cdr_in", ("cdr_out", "cdr_in")),
        (" cdr_in ,cdr_in", ("cdr_in",)),
        ("none", ()),
    ],
)
def test_record_types_are_separated_by_commas_and_kept_once(
    environment: Environment, text: str, names: tuple[str, ...]
) -> None:
    environment(CDR_RECORD_TYPES=text)
    assert load().cdr_record_types == names


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("CDR_RECORD_TYPES", "cdr_in,cdr_up", "unknown record type 'cdr_up'; known are cdr_in, cdr_out"),
        ("CDR_RECORD_TYPES", "", "unknown record type ''"),
        ("CDR_RECORD_TYPES", "cdr_in,", "unknown record type ''"),
        ("DIDWW_API_URL", "api.didww.com/v3", "must begin with https://"),
        ("DIDWW_API_URL", "ftp://api.didww.com/v3", "must begin with https://"),
        ("DIDWW_API_URL", "https://", "name a host"),
        ("DIDWW_API_URL", "https:///v3", "name a host"),
        ("DIDWW_API_URL", "https://api.didww.com:vthree/v3", "name a host"),
        ("DIDWW_CALLBACK_URL", "calls.example.com/didww", "must begin with https://"),
        ("DIDWW_CALLBACK_URL", "https://calls.example.com", "have a path"),
        ("CDR_UI_HOSTS", "https://calls.example.com", "must be names alone"),
        ("CDR_UI_HOSTS", "a.example.com, calls.example.com:8443", "must be names alone"),
        ("CDR_START_MONTH", "2026-13", "is not a month; write it like 2026-10"),
        ("CDR_START_MONTH", "March", "'March' is not a month"),
        ("CDR_POLL_SECONDS", "0", "greater than or equal to 1"),
        ("CDR_POLL_SECONDS", "often", "valid integer"),
        ("CDR_EXPORT_DEADLINE_HOURS", "0", "greater than 0"),
        ("CDR_EXPORT_DEADLINE_HOURS", "nan", "finite number"),
        ("CDR_EXPORT_DEADLINE_HOURS", "inf", "finite number"),
        ("CDR_DATA_DIR", "two\nlines", "must hold no line break"),
        ("CDR_DATA_DIR", "a\x1bbell", "must hold no line break"),
        ("CDR_EXPORTS", "a\tb.toml", "must hold no line break"),
        ("CDR_MAX_DOWNLOAD_GB", "0", "greater than 0"),
        ("CDR_MAX_DOWNLOAD_HOURS", "inf", "finite number"),
        ("CDR_INSTALLATION", "two words", "should match"),
        ("CDR_INSTALLATION", "a/b", "should match"),
        ("CDR_INSTALLATION", "", "should match"),
        ("CDR_INSTALLATION", "x" * 41, "should match"),
        ("CDR_PSEUDONYM_KEY", "x" * 31, "must have 32 characters or more"),
        ("CDR_PSEUDONYM_DIGITS", "10", "less than or equal to 9"),
        ("CDR_CALL_RETENTION_MONTHS", "-1", "greater than or equal to 0"),
        ("CDR_AGGREGATE_RETENTION_MONTHS", "3", "must not be shorter than CDR_CALL_RETENTION_MONTHS"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_reason_on_one_line(
    environment: Environment, name: str, value: str, reason: str
) -> None:
    environment(**{name: value})
    with pytest.raises(PermanentError) as refused:
        load()
    text = str(refused.value)
    assert text.startswith(f"The settings cannot be used: {name}: ")
    assert text.endswith(" Correct the environment or .env.")
    assert reason in text
    assert "\n" not in text
    assert ".." not in text
    assert "pydantic" not in text


@pytest.mark.parametrize(("numbers", "aggregates", "fits"), [("", "", True), ("3", "", True), ("3", "2", False)])
def test_sums_are_kept_as_long_as_what_they_are_made_of(
    environment: Environment, numbers: str, aggregates: str, fits: bool
) -> None:
    environment(CDR_CALL_RETENTION_MONTHS=numbers, CDR_AGGREGATE_RETENTION_MONTHS=aggregates)
    if fits:
        assert load().cdr_call_retention_months == int(numbers or 0)
    else:
        with pytest.raises(PermanentError, match="must not be shorter"):
            load()


def test_every_wrong_setting_is_named_at_once(environment: Environment) -> None:
    environment(CDR_POLL_SECONDS="x", CDR_START_MONTH="y")
    with pytest.raises(
        PermanentError, match=r"CDR_START_MONTH.*; CDR_POLL_SECONDS|CDR_POLL_SECONDS.*; CDR_START_MONTH"
    ):
        load()


def test_the_key_is_in_no_text_of_the_settings(environment: Environment) -> None:
    environment(DIDWW_API_KEY=KEY)
    settings = load()
    assert KEY not in f"{settings!r} {settings!s} {settings.model_dump()} {settings.model_dump_json()}"


def test_the_key_is_in_no_error_about_another_setting(environment: Environment) -> None:
    environment(DIDWW_API_KEY=KEY, CDR_RECORD_TYPES="cdr_up", DIDWW_API_URL="nowhere")
    with pytest.raises(PermanentError) as refused:
        load()
    assert KEY not in "".join(traceback.format_exception(refused.value))


def test_a_dotenv_file_is_read_and_the_environment_wins(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"DIDWW_API_KEY={KEY}\nCDR_POLL_SECONDS=7\nSOMETHING_ELSE=1\n")
    environment(CDR_POLL_SECONDS="9")
    settings = load()
    assert settings.didww_api_key.get_secret_value() == KEY
    assert settings.cdr_poll_seconds == 9


def test_a_wrong_line_in_a_dotenv_file_is_told_like_any_other(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"DIDWW_API_KEY={KEY}\nCDR_POLL_SECONDS=never\n")
    with pytest.raises(PermanentError, match="CDR_POLL_SECONDS") as refused:
        load()
    assert KEY not in str(refused.value)


def test_the_data_folder_is_absolute_and_knows_the_home_folder(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment(CDR_DATA_DIR="~/calls", HOME=str(tmp_path))
    assert load().cdr_data_dir == tmp_path / "calls"
    environment(CDR_DATA_DIR="calls")
    settings = load()
    monkeypatch.chdir("/")
    assert settings.cdr_data_dir == tmp_path / "calls"


def test_dagsters_home_is_beside_the_data_unless_it_is_set(environment: Environment, tmp_path: Path) -> None:
    environment(CDR_DATA_DIR=str(tmp_path / "calls"))
    assert load().dagster_home == tmp_path / "calls" / "dagster_home"
    environment(DAGSTER_HOME="")
    assert load().dagster_home == tmp_path / "calls" / "dagster_home"
    environment(DAGSTER_HOME="elsewhere")
    assert load().dagster_home == tmp_path / "elsewhere"


def test_a_key_that_was_put_into_the_wrong_variable_is_not_shown_either(environment: Environment) -> None:
    environment(CDR_POLL_SECONDS=KEY)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert KEY not in str(refused.value)
    with pytest.raises(PermanentError, match="CDR_POLL_SECONDS") as told:
        load()
    assert KEY not in "".join(traceback.format_exception(told.value))


def test_every_new_name_of_a_setting_is_one() -> None:
    settings = {name.upper() for name in Settings.model_fields}
    assert set(RENAMED.values()) <= settings
    assert not RENAMED.keys() & settings


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
@pytest.mark.parametrize("value", ["12", ""])
@pytest.mark.parametrize("place", ["environment", "lower case", ".env", ".env with export"])
def test_an_old_name_is_refused_with_the_new_one(
    environment: Environment, tmp_path: Path, old: str, new: str, value: str, place: str
) -> None:
    match place:
        case "environment":
            environment(**{old: value})
        case "lower case":
            environment(**{old.lower(): value})
        case ".env":
            (tmp_path / ".env").write_text(f"CDR_POLL_SECONDS=7\n{old}={value}\n")
        case _:
            (tmp_path / ".env").write_text(f"export {old} = '{value}'\n")
    with pytest.raises(PermanentError) as refused:
        load()
    assert str(refused.value) == (f"The settings cannot be used: {old} is now {new}. Correct the environment or .env.")


def test_all_old_names_are_told_at_once(environment: Environment, tmp_path: Path) -> None:
    environment(CDR_RETAIN_NUMBER_MONTHS="1")
    (tmp_path / ".env").write_text(f"DIDWW_API_KEY={KEY}\ncdr_retain_aggregate_months=2\n")
    with pytest.raises(PermanentError, match=r"CDR_RETAIN_NUMBER_MONTHS.*; CDR_RETAIN_AGGREGATE_MONTHS") as refused:
        load()
    assert KEY not in "".join(traceback.format_exception(refused.value))


def test_an_old_name_in_a_comment_or_a_value_is_left_alone(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# CDR_RETAIN_NUMBER_MONTHS=3\nCDR_CALL_RETENTION_MONTHS=3\n")
    environment(CDR_INSTALLATION="CDR_RETAIN_NUMBER_MONTHS")
    assert load().cdr_call_retention_months == 3
