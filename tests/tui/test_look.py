"""The pure formatters: every word has its glyph and colour, every width is kept, every time is coarse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_core.ages import DAY, Age, AgeSource, Limit, assess
from secrets_core.demo import demo_service
from secrets_core.names import CredentialRef
from secrets_core.stores.base import Identity
from secrets_core.views import Condition, CredentialRow, EnvironmentState, EnvironmentView
from tests.tui.desk import NOW
from tui import look
from tui.remedy import Remedy, command_line, remedy
from tui.themes import house_themes, without_colours
from tui.totals import signs, totals_over
from tui.widgets.status_line import Place, glance_line, status_line, terminal_title


def age(days: float, limit: int = 90, source: AgeSource = AgeSource.VERSION_ID) -> Age:
    return assess(NOW - timedelta(days=days), source, now=NOW, limit=Limit(limit, "policy"), warn_days=14)


UNKNOWN = assess(None, AgeSource.NONE, now=NOW, limit=Limit(90, "policy"), warn_days=14)


def demo_rows() -> list[CredentialRow]:
    service = demo_service(lambda: NOW)
    return [row for name in service.environments for row in service.refresh(name).rows]


def test_every_condition_and_state_has_its_own_glyph_and_a_colour_that_every_theme_knows() -> None:
    marks = [look.condition_mark(condition.value) for condition in Condition]
    states = [look.state_mark(state.value) for state in EnvironmentState]
    assert len({mark.glyph for mark in marks}) == len(marks)
    assert all(len(mark.glyph) == 1 for mark in [*marks, *states])
    for theme in [*house_themes(), *map(without_colours, house_themes())]:
        known = {f"${name}" for name in theme.variables} | {"$primary"}
        assert {mark.colour for mark in [*marks, *states]} <= known, theme.name


def test_house_themes_name_the_same_colours() -> None:
    names = [set(theme.variables) for theme in house_themes()]
    assert names[0] == names[1] == names[2]


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


WORDS = ("muted", "frozen", "broken", "overdue", "due-soon", "old-alive", "unsure", "steady")


@pytest.mark.parametrize("theme", house_themes(), ids=lambda theme: theme.name)
def test_words_can_be_read_on_their_grounds(theme: object) -> None:
    """WCAG 2.1, success criterion 1.4.3: 4.5 to 1 for text; for the high-contrast theme 7 to 1 (1.4.6)."""
    known = next(other for other in house_themes() if other is theme or other.name == getattr(theme, "name", ""))
    least = 7.0 if known.name == "high-contrast" else 4.5
    grounds = [str(known.background), str(known.surface), known.variables["sidebar"]]
    for name in WORDS:
        for ground in grounds:
            assert _contrast(known.variables[name], ground) >= least, (name, ground)
    for ground in grounds:
        # For what is said elsewhere too: placeholders, limits, zeros (1.4.11: 3 to 1).
        assert _contrast(known.variables["faint"], ground) >= 3.0, ground
    for badge in ("dev", "shadow", "soak", "prod", "other", "demo"):
        assert _contrast(known.variables[f"{badge}-text"], known.variables[badge]) >= 3.5, badge


@pytest.mark.parametrize(
    ("days", "words", "due"),
    [(0, "0/90 d", "in 90 d"), (76, "76/90 d", "in 14 d"), (90, "90/90 d", "today"), (97.5, "97/90 d", "7 d ago")],
)
def test_an_age_in_words(days: float, words: str, due: str) -> None:
    assert look.age_words(age(days)) == words
    assert look.due(age(days)) == due


def test_a_bound_and_an_unknown_age_say_so() -> None:
    bound = age(30, source=AgeSource.AT_MOST)
    assert look.age_words(bound) == "≤30/90 d"
    assert look.due(bound) == "in ≥60 d"
    assert look.due(age(95, source=AgeSource.AT_MOST)) == "?"
    assert "░" in look.age_bar(bound, 10).plain
    assert look.age_words(UNKNOWN) == "?/90 d"
    assert look.due(UNKNOWN) == "?"
    assert look.age_bar(UNKNOWN, 6).plain == "╌╌╌╌╌╌"


@given(st.floats(0, 400), st.integers(1, 40))
def test_a_bar_is_always_as_wide_as_asked_and_full_only_when_due(days: float, width: int) -> None:
    bar = look.age_bar(age(days), width)
    assert bar.cell_length == width
    if days >= 90:
        assert bar.plain == "█" * width
    assert bar.plain.strip()


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=3, minutes=12), "3 h 12 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=4, hours=5), "4 d"),
    ],
)
def test_spans_are_coarse(span: timedelta, words: str) -> None:
    assert look.coarse(span) == words


def test_a_key_shows_its_last_four_or_nothing() -> None:
    assert look.masked_key("9F3C") == "····9F3C"
    assert look.masked_key("") == "········"
    assert len(look.masked_key("")) == len(look.masked_key("9F3C"))


@given(st.text())
def test_plain_text_can_not_steer_a_terminal(text: str) -> None:
    shown = look.plain(text)
    assert shown.isprintable()
    assert len(shown) == len(text)


def test_operators_and_keys_have_short_names() -> None:
    assert look.operator_name("arn:aws:iam::123456789012:user/desk/alice") == "alice"
    assert look.operator_name("arn:aws:sts::123456789012:assumed-role/mm-operator/bob") == "bob"
    assert look.operator_name("alice@laptop") == "alice@laptop"
    assert look.key_names(["question_mark", "ctrl+r", "f5", "up"]) == "? ctrl+r f5 ↑"


def test_every_row_of_the_demo_is_found_by_what_it_shows() -> None:
    for row in demo_rows():
        hay = look.haystack(row)
        for word in (str(row.ref), row.condition.value, row.pair_state.value, row.key_hint, row.by, row.owner):
            assert word.lower() in hay


def place(environment: str | None, **changes: object) -> Place:
    service = demo_service(lambda: NOW)
    views = {name: service.refresh(name) for name in service.environments}
    known = Place(environment, service.environments, views, NOW, demo=True, busy=(), late_after=180)
    return replace(known, **changes)  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("environment", [None, "prod", "dev"])
def test_the_first_lines_fit_and_keep_what_matters(width: int, environment: str | None) -> None:
    known = place(environment)
    line = status_line(known, width)
    assert line.cell_length == width
    assert (environment or "all").upper() in line.plain
    assert "DEMO" in line.plain
    if environment == "prod" and width >= 80:
        assert "READ-ONLY" in line.plain
        assert "…9012" in line.plain
    if width >= 100:
        assert "alice (3" in line.plain
        assert "eu-west-1" in line.plain
    assert glance_line(known, width).cell_length <= width


def test_an_endpoint_of_ones_own_is_marked_and_an_identity_that_ends_is_too() -> None:
    known = place("dev")
    view = replace(
        known.views["dev"],
        endpoint_url="http://127.0.0.1:5000",
        identity=Identity("arn:aws:iam::1:user/alice", "123456789012", "eu-west-1", NOW + timedelta(minutes=20)),
    )
    line = status_line(replace(known, views={"dev": view}), 120)
    assert "⚑ 127.0.0.1:5000" in line.plain
    assert "alice (20 min left)" in line.plain
    over = replace(view, identity=replace(view.identity or Identity(""), expires_at=NOW - timedelta(minutes=1)))
    assert "identity expired" in status_line(replace(known, views={"dev": over}), 120).plain


def test_old_data_are_said_to_be_old_and_what_is_missing_is_named() -> None:
    known = place("dev", now=NOW + timedelta(minutes=7))
    line = status_line(known, 120)
    assert "data 14:03:22Z · 7 min old" in line.plain
    assert any("overdue" in str(span.style) for span in line.spans)
    without = replace(known, views={name: view for name, view in known.views.items() if name != "prod"})
    assert "not counted: prod" in glance_line(without, 140).plain
    assert "1 unlisted" in glance_line(without, 80).plain
    assert "refreshing …" in status_line(replace(known, busy=["dev"]), 120).plain


def test_an_unconfirmed_freeze_is_never_called_not_frozen() -> None:
    known = place(None)
    reading = known.views["prod"].freeze
    assert reading is not None
    unsure = replace(known.views["prod"], freeze=replace(reading, record=None, reason="denied"))
    line = glance_line(replace(known, views={**known.views, "prod": unsure}), 160)
    assert "? freeze not confirmed in prod" in line.plain
    assert "not frozen" not in line.plain


def test_totals_are_sums_of_what_was_listed() -> None:
    known = place(None)
    totals = totals_over(known.views.values())
    assert totals is not None
    assert totals.credentials == sum(view.counts.credentials for view in known.views.values())
    assert {sign.kind: sign.number for sign in signs(totals)}["torn"] == totals.torn
    blank = EnvironmentView("x", EnvironmentState.CONNECTING, "aws", False)
    assert totals_over([blank]) is None
    assert terminal_title(known) == f"mm-secrets · ALL · {totals.torn} torn or incomplete · DEMO"


def test_remedies_name_the_command_that_the_service_would_not_refuse() -> None:
    service = demo_service(lambda: NOW)
    for name in service.environments:
        for row in service.refresh(name).rows:
            told = remedy(row, service.refusal, demo=False)
            if row.condition.value in ("fresh", "old key alive"):
                assert told == Remedy()
                continue
            assert told.command.startswith("mm-secrets "), row
            assert f"--env {name} --exchange {row.ref.exchange}" in told.command
            assert ("--write prod" in told.command) == (name == "prod")
            verb = {"due-soon": "rotat", "pending": "", "foreign-follower": "repair"}.get(row.condition.value)
            assert (told.command.split()[1] if verb is None else verb) in row.sentence
    assert command_line("init", "dev", demo=True) == "mm-secrets init --env dev --demo"


def test_a_time_that_is_not_in_utc_is_not_ours() -> None:
    assert look.utc_stamp(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2026-01-02 03:04Z"
    assert str(CredentialRef("prod", "okx")) == "prod/okx"
    assert timedelta(days=1) == DAY
