"""Every key of the settings file is read, and whatever is not understood is named: file, key, and the nearest one."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from secrets_core.errors import InvalidName, SettingsError
from secrets_core.policy import EnvironmentPolicy, default_policy
from secrets_core.settings import (
    BotSettings,
    EnvironmentSettings,
    ExchangeSettings,
    Settings,
    default_path,
    load_settings,
)

FULL = """
theme = "light"
refresh_seconds = 90.5
[keymap]
"credential.rotate" = "r,ctrl+r"
[environments.shadow]
backend = "aws"
region = "eu-west-1"
profile = "mm-shadow"
role_arn = "arn:aws:iam::123456789012:role/mm-operator"
account_id = "012345678901"
endpoint_url = "http://127.0.0.1:5000"
kms_key_id = "alias/mm-shadow"
read_only = true
rotation_days = 60
warn_days = 7
legacy_pairs = "refuse"
break_glass_role = "arn:aws:iam::123456789012:role/mm-break-glass"
thaw_approvals = 2
mode = "strict"
poll_seconds = 5
hold_after_seconds = 90
ttl_seconds = 120
max_stale_seconds = 7200
[environments.shadow.tags]
team = "mm"
"cost-centre" = "42"
[environments.shadow.exchanges.bybit]
rotation_days = 30
owner = "desk-a"
two_factor = "bob's phone"
[environments.shadow.exchanges."bybit@mm1"]
rotation_days = 14
[environments.shadow.hooks]
halt_quotes = ["/usr/local/bin/halt"]
cancel_orders = ["cancel", "--all"]
count_open_orders = ["count"]
stop_bots = ["/usr/local/bin/stop-bots", "{environment}", "{exchange}"]
probe_key = ["probe"]
page = ["page", "desk-a"]
[[environments.shadow.bots]]
name = "mm-1"
exchanges = ["bybit@mm1", "binance"]
holds = "watch"
[[environments.shadow.bots]]
name = "arb-2"
"""


def load(text: str, tmp_path: Path) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(str(file), {})


def problem(text: str, tmp_path: Path) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(text, tmp_path)
    assert str(tmp_path / "config.toml") in caught.value.message
    return caught.value


class TestEveryKey:
    def test_all_of_it_is_read(self, tmp_path: Path) -> None:
        settings = load(FULL, tmp_path)
        shadow = EnvironmentSettings(
            name="shadow",
            policy=EnvironmentPolicy(
                "shadow",
                mode="strict",
                poll_seconds=5,
                warn_after_seconds=60,
                hold_after_seconds=90,
                ttl_seconds=120,
                max_stale_seconds=7200,
                legacy_pairs="refuse",
                read_only=True,
                rotation_days=60,
                warn_days=7,
                thaw_approvals=2,
            ),
            backend="aws",
            region="eu-west-1",
            profile="mm-shadow",
            role_arn="arn:aws:iam::123456789012:role/mm-operator",
            account_id="012345678901",
            endpoint_url="http://127.0.0.1:5000",
            kms_key_id="alias/mm-shadow",
            break_glass_role="arn:aws:iam::123456789012:role/mm-break-glass",
            tags={"team": "mm", "cost-centre": "42"},
            exchanges={"bybit": ExchangeSettings(30, "desk-a", "bob's phone"), "bybit@mm1": ExchangeSettings(14)},
            hooks={
                "halt_quotes": ("/usr/local/bin/halt",),
                "cancel_orders": ("cancel", "--all"),
                "count_open_orders": ("count",),
                "stop_bots": ("/usr/local/bin/stop-bots", "{environment}", "{exchange}"),
                "probe_key": ("probe",),
                "page": ("page", "desk-a"),
            },
            bots=(BotSettings("mm-1", ("bybit@mm1", "binance"), "watch"), BotSettings("arb-2", (), "process")),
        )
        assert settings == Settings(
            source=tmp_path / "config.toml",
            theme="light",
            refresh_seconds=90.5,
            keymap={"credential.rotate": "r,ctrl+r"},
            environments={"shadow": shadow},
        )

    def test_the_example_leaves_no_setting_at_its_default(self, tmp_path: Path) -> None:
        """So that a setting which is added, and forgotten when the file is read, is found here."""
        settings = load(FULL, tmp_path)
        for given, default in (
            (settings, Settings()),
            (settings.environments["shadow"], EnvironmentSettings("", default_policy("shadow"))),
            (settings.environments["shadow"].exchanges["bybit"], ExchangeSettings()),
            (settings.environments["shadow"].bots[0], BotSettings("")),
        ):
            assert [f.name for f in fields(given) if getattr(given, f.name) == getattr(default, f.name)] == []

    def test_an_empty_file_says_nothing(self, tmp_path: Path) -> None:
        assert load("", tmp_path) == Settings(source=tmp_path / "config.toml")

    def test_the_defaults(self) -> None:
        settings = Settings()
        assert (settings.theme, settings.refresh_seconds) == ("dark", 60)
        assert settings.environment("prod") == EnvironmentSettings("prod", default_policy("prod"))
        assert settings.environment("prod").policy.read_only
        with pytest.raises(InvalidName):
            settings.environment("../prod")


class TestUnknownKeys:
    @pytest.mark.parametrize(
        ("text", "key", "hint"),
        [
            ('thme = "dark"', "thme", "Did you mean theme?"),
            ("[enviroments.prod]", "enviroments", "Did you mean environments?"),
            ("source = 1", "source", "Known here: environments, keymap, refresh_seconds, theme."),
            ('[environments.prod]\nreed_only = "x"', "environments.prod.reed_only", "Did you mean read_only?"),
            ("[environments.prod]\nacount_id = 1", "environments.prod.acount_id", "Did you mean account_id?"),
            ("[environments.prod]\nname = 1", "environments.prod.name", ""),
            (
                "[environments.prod.exchanges.bybit]\nrotation_day = 1",
                "environments.prod.exchanges.bybit.rotation_day",
                "Did you mean rotation_days?",
            ),
            ('[[environments.prod.bots]]\nname = "a"\nhold = "ttl"', "environments.prod.bots.hold", "holds?"),
            ('[environments.prod.hooks]\nstop_bot = ["x"]', "environments.prod.hooks.stop_bot", "stop_bots?"),
        ],
    )
    def test_they_are_named_with_the_nearest(self, tmp_path: Path, text: str, key: str, hint: str) -> None:
        error = problem(text, tmp_path)
        assert f": {key} is not a known key." in error.message
        assert hint in error.hint
        assert error.path.endswith(f"config.toml:{key}")


WRONG: list[tuple[str, Any]] = [
    *[(key, value) for key in ("theme",) for value in ("1", '""', "[]", "true")],
    *[
        ("refresh_seconds", value)
        for value in ('"60"', "0", "-1", "true", "inf", "nan", "0.001", "4.9", "2592001", "1e10")
    ],
    ("keymap", '"r"'),
    ("keymap.rotate", "1"),
    ("keymap.rotate", '""'),
    ("environments", "1"),
    ("environments.dev", '"aws"'),
    *[("environments.dev.backend", value) for value in ('"AWS"', '"sqlite"', "1", '""', '["aws"]')],
    *[
        (f"environments.dev.{key}", value)
        for key in ("region", "profile", "role_arn", "kms_key_id", "break_glass_role", "endpoint_url")
        for value in ("1", '""', "true", "{}")
    ],
    *[
        ("environments.dev.account_id", value)
        for value in ("123456789012", '"12345678901"', '"1234567890123"', '"12345678901a"', '"\uff11' + "2" * 11 + '"')
    ],
    *[("environments.dev.mode", value) for value in ('"Strict"', '""', "true")],
    *[
        (f"environments.dev.{key}", value)
        for key in ("poll_seconds", "hold_after_seconds", "ttl_seconds", "max_stale_seconds")
        for value in ('"10"', "0", "-1", "true", "inf", "nan", "[]", "2592001", "1e10")
    ],
    ("environments.dev.poll_seconds", "3601"),
    *[("environments.dev.legacy_pairs", value) for value in ('"deny"', "false", "1")],
    *[("environments.dev.read_only", value) for value in ('"true"', "1", "0", "[]")],
    *[
        (f"environments.dev.{key}", value)
        for key in ("rotation_days", "warn_days", "exchanges.bybit.rotation_days")
        for value in ("0", "-1", "90.0", '"90"', "true", "3651", "inf")
    ],
    *[("environments.dev.thaw_approvals", value) for value in ("0", "3", "true", '"1"', "1.0")],
    ("environments.dev.tags", '["team"]'),
    *[("environments.dev.tags.team", value) for value in ("1", '""', '["a"]')],
    ("environments.dev.exchanges", '["bybit"]'),
    ("environments.dev.exchanges.bybit", "30"),
    *[("environments.dev.exchanges.bybit.owner", value) for value in ("1", '""')],
    *[("environments.dev.exchanges.bybit.two_factor", value) for value in ("1", '""')],
    ("environments.dev.hooks", '["x"]'),
    *[("environments.dev.hooks.stop_bots", value) for value in ('"/bin/stop; rm"', "[]", '["a", 1]', "1")],
    *[("environments.dev.bots", value) for value in ("1", '["mm-1"]', "{name = 'a'}")],
]


class TestWrongTypes:
    @pytest.mark.parametrize(("key", "value"), WRONG)
    def test_they_are_named(self, tmp_path: Path, key: str, value: str) -> None:
        *tables, last = key.split(".")
        text = f"[{'.'.join(tables)}]\n{last} = {value}" if tables else f"{last} = {value}"
        error = problem(text, tmp_path)
        assert f": {key} must be " in error.message
        assert error.path.endswith(f"config.toml:{key}")

    @pytest.mark.parametrize(
        ("bot", "key"),
        [
            ("", "name"),
            ('exchanges = ["bybit"]', "name"),
            ("name = 1", "name"),
            ('name = "a"\nexchanges = "bybit"', "exchanges"),
            ('name = "a"\nexchanges = [1]', "exchanges"),
            ('name = "a"\nexchanges = ["bybit", "Bybit@MM1"]', "exchanges"),
            ('name = "a"\nholds = "forever"', "holds"),
        ],
    )
    def test_bots(self, tmp_path: Path, bot: str, key: str) -> None:
        error = problem(f"[[environments.dev.bots]]\n{bot}", tmp_path)
        assert f": environments.dev.bots.{key} " in error.message

    @pytest.mark.parametrize("name", ["Prod", "1dev", "a_b", "_freeze", "pröd"])
    def test_names_of_environments(self, tmp_path: Path, name: str) -> None:
        error = problem(f'[environments."{name}"]', tmp_path)
        assert f"environments.{name} is not an environment's name" in error.message
        assert "lower-case" in error.hint

    @pytest.mark.parametrize("name", ["Bybit", "@mm1", "bybit@", "_freeze"])
    def test_names_of_exchanges(self, tmp_path: Path, name: str) -> None:
        error = problem(f'[environments.dev.exchanges."{name}"]', tmp_path)
        assert f"environments.dev.exchanges.{name} is not an exchange's name" in error.message


class TestTimes:
    @pytest.mark.parametrize("seconds", ["5", "5.0", "2592000"])
    def test_the_bounds_of_a_refresh_belong_to_it(self, tmp_path: Path, seconds: str) -> None:
        assert load(f"refresh_seconds = {seconds}", tmp_path).refresh_seconds == float(seconds)

    @pytest.mark.parametrize(
        ("key", "seconds"),
        [
            ("poll_seconds", 3600),
            *[(key, 2592000) for key in ("hold_after_seconds", "ttl_seconds", "max_stale_seconds")],
        ],
    )
    def test_the_most_of_a_policy_belongs_to_it(self, tmp_path: Path, key: str, seconds: int) -> None:
        policy = load(f"[environments.dev]\n{key} = {seconds}", tmp_path).environment("dev").policy
        assert getattr(policy, key) == seconds


class TestEndpoint:
    @pytest.mark.parametrize(
        "url",
        [
            *("http://127.0.0.1:5000", "http://localhost", "http://[::1]:8080", "https://10.0.0.1:8443"),
            "https://vpce-0a1b.secretsmanager.eu-west-1.vpce.amazonaws.com",
        ],
    )
    def test_https_anywhere_and_http_on_this_machine(self, tmp_path: Path, url: str) -> None:
        settings = load(f'[environments.dev]\nendpoint_url = "{url}"', tmp_path)
        assert settings.environment("dev").endpoint_url == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://vpce.example",
            "http://10.0.0.1",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            *("http://localhost@evil.example", "http://[::1"),
            "https://[::1",
            "https://",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "127.0.0.1:5000",
            "HTTP//127.0.0.1",
            *("https://h:0", "https://h:99999", "https://h/?x", "https://h?", "https://h#f", "https://h#"),
        ],
    )
    def test_nothing_else(self, tmp_path: Path, url: str) -> None:
        error = problem(f'[environments.dev]\nendpoint_url = "{url}"', tmp_path)
        assert "environments.dev.endpoint_url must be https, or http on this machine" in error.message
        assert error.path.endswith("config.toml:environments.dev.endpoint_url")


class TestWhichFile:
    def test_the_flag_before_the_variable_before_the_default(self, tmp_path: Path) -> None:
        default = default_path({"XDG_CONFIG_HOME": str(tmp_path)})
        default.parent.mkdir(parents=True)
        flag, variable = tmp_path / "flag.toml", tmp_path / "variable.toml"
        for file, theme in ((default, "d"), (variable, "v"), (flag, "f")):
            file.write_text(f'theme = "{theme}"')
        variables = {"XDG_CONFIG_HOME": str(tmp_path)}
        assert load_settings(None, variables).theme == "d"
        variables["MM_SECRETS_CONFIG"] = str(variable)
        assert load_settings(None, variables).theme == "v"
        assert load_settings(str(flag), variables).theme == "f"
        assert load_settings(str(flag), variables).source == flag

    def test_the_default_is_under_xdg_or_home(self) -> None:
        assert default_path({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}) == Path("/x/mm-secrets/config.toml")
        assert default_path({"HOME": "/h"}) == Path("/h/.config/mm-secrets/config.toml")
        assert default_path({"HOME": "/h", "XDG_CONFIG_HOME": ""}) == Path("/h/.config/mm-secrets/config.toml")

    def test_no_default_file_is_no_settings(self, tmp_path: Path) -> None:
        assert load_settings(None, {"XDG_CONFIG_HOME": str(tmp_path)}) == Settings()

    @pytest.mark.parametrize("by", ["flag", "variable"])
    @pytest.mark.parametrize("name", ["missing.toml", "~nobody-of-that-name/config.toml"])
    def test_a_named_file_that_is_not_there_is_an_error(self, tmp_path: Path, by: str, name: str) -> None:
        named = name if name.startswith("~") else str(tmp_path / name)
        with pytest.raises(SettingsError) as caught:
            load_settings(named if by == "flag" else None, {"MM_SECRETS_CONFIG": named})
        assert named in caught.value.message
        assert caught.value.hint

    def test_home_is_understood(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "mine.toml").write_text('theme = "light"')
        assert load_settings("~/mine.toml", {}).theme == "light"

    @pytest.mark.parametrize("text", ["theme = dark", "[environments", "a = 1\na = 2", "= 1"])
    def test_what_is_not_toml_says_where(self, tmp_path: Path, text: str) -> None:
        error = problem(text, tmp_path)
        assert "is not TOML" in error.message
        assert "(at " in error.message

    @pytest.mark.parametrize("text", ["a = " + "[" * 50_000, "a = " + "{a=" * 50_000], ids=["lists", "tables"])
    def test_what_nests_too_deeply_is_named(self, tmp_path: Path, text: str) -> None:
        error = problem(text, tmp_path)
        assert "nests lists or tables too deeply" in error.message
        assert error.path.endswith("config.toml")

    def test_what_is_not_text_or_no_file_is_named(self, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        file.write_bytes(b"theme = '\xff'")
        for path in (file, tmp_path):
            with pytest.raises(SettingsError, match="cannot be read") as caught:
                load_settings(str(path), {})
            assert caught.value.path == str(path)


class TestMode:
    """A mode brings the rule that it stands for: how long an unconfirmed record is borne."""

    def policy(self, name: str, text: str, tmp_path: Path) -> EnvironmentPolicy:
        return load(f"[environments.{name}]\n{text}", tmp_path).environment(name).policy

    def test_strict_holds_at_last(self, tmp_path: Path) -> None:
        policy = self.policy("shadow", 'mode = "strict"', tmp_path)
        assert policy == replace(default_policy("shadow"), mode="strict", hold_after_seconds=120)

    def test_best_effort_never_holds(self, tmp_path: Path) -> None:
        policy = self.policy("prod", 'mode = "best_effort"', tmp_path)
        assert policy == replace(default_policy("prod"), mode="best_effort", hold_after_seconds=None)

    @pytest.mark.parametrize("mode", ["strict", "best_effort"])
    def test_what_is_said_counts(self, tmp_path: Path, mode: str) -> None:
        assert self.policy("dev", f'mode = "{mode}"\nhold_after_seconds = 45', tmp_path).hold_after_seconds == 45

    def test_a_mode_that_changes_nothing(self, tmp_path: Path) -> None:
        assert self.policy("soak", 'mode = "strict"', tmp_path) == default_policy("soak")


class TestOfAnExchange:
    @pytest.fixture
    def shadow(self, tmp_path: Path) -> EnvironmentSettings:
        return load(
            """
            [environments.shadow]
            rotation_days = 60
            [environments.shadow.exchanges.bybit]
            rotation_days = 30
            owner = "desk-a"
            [environments.shadow.exchanges."bybit@mm1"]
            rotation_days = 14
            [environments.shadow.exchanges."bybit@mm2"]
            owner = "desk-b"
            """,
            tmp_path,
        ).environment("shadow")

    @pytest.mark.parametrize(
        ("exchange", "days"),
        [("bybit@mm1", 14), ("bybit@mm2", 30), ("bybit@other", 30), ("bybit", 30), ("okx", 60), ("okx@mm1", 60)],
    )
    def test_the_accounts_days_before_the_exchanges_before_the_policy(
        self, shadow: EnvironmentSettings, exchange: str, days: int
    ) -> None:
        assert shadow.rotation_days(exchange) == days

    @pytest.mark.parametrize(
        ("exchange", "owner"), [("bybit@mm1", "desk-a"), ("bybit@mm2", "desk-b"), ("bybit", "desk-a"), ("okx", "")]
    )
    def test_the_accounts_owner_before_the_exchanges(
        self, shadow: EnvironmentSettings, exchange: str, owner: str
    ) -> None:
        assert shadow.owner(exchange) == owner
