"""Decisions: which stand, and by which rule the others are refused."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_core.names import CredentialRef, control_name
from secrets_core.review.decisions import (
    Decided,
    DecisionsRefused,
    decide,
    judge,
    latest_extension,
    parse_decisions,
    undecided,
)
from secrets_core.review.document import ReviewProblem
from tests.canary import Canary
from tests.core.desk import Desk, values
from tests.pairs.support import START
from tests.review.support import DEV, GRANT, OKX, aged, file_of, record, row_of, signed, taken

BYBIT = CredentialRef("dev", "bybit")


def in_days(desk: Desk, days: int) -> str:
    return str(desk.clock().date() + timedelta(days=days))


def rules(desk: Desk, decisions: Mapping[Any, Mapping[str, object]], **more: object) -> list[tuple[str, str]]:
    """Give row and rule of all that is refused."""
    try:
        decide(taken(desk), parse_decisions(file_of(decisions, **more)))
    except DecisionsRefused as error:
        return [(ruling.credential, ruling.rule) for ruling in error.rulings if ruling.sentence]
    return []


def test_fresh_rows_are_kept_without_a_word_and_others_wait() -> None:
    desk = aged(100)
    desk.save(OKX)
    review = decide(taken(desk), parse_decisions(file_of({})))
    kept = row_of(review, OKX).decision
    assert kept is not None
    assert (kept.decision, kept.by) == ("keep", "alice@desk")
    assert [row.credential for row in undecided(review)] == [str(DEV)]


@pytest.mark.parametrize(
    ("decision", "rule"),
    [
        ({"decision": "keep"}, "keep-not-fresh"),
        ({"decision": "extend", "reason": "r", "control": "c"}, "until-missing"),
        ({**GRANT, "until": 0}, "until-past"),
        ({**GRANT, "until": 31}, "until-too-far"),
        ({**GRANT, "until": 5, "reason": " "}, "reason-missing"),
        ({**GRANT, "until": 5, "control": ""}, "control-missing"),
        ({**GRANT, "until": 5, "reason": "x" * 301}, "reason-text"),
        ({**GRANT, "until": 5, "reason": "two\nlines"}, "reason-text"),
        ({"decision": "rotate-now", "until": 5}, "surplus-until"),
        ({"decision": "burn"}, "unknown-decision"),
        ({"decision": "retire", "owner": "me"}, "surplus-field"),
        ({"decision": "retire", "version": "000000000000"}, "version-changed"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_row_and_rule(decision: dict[str, object], rule: str) -> None:
    desk = aged(100)
    if isinstance(decision.get("until"), int):
        decision = {**decision, "until": in_days(desk, int(str(decision["until"])))}
    assert rules(desk, {DEV: decision}) == [(str(DEV), rule)]


@pytest.mark.parametrize("days", [1, 30])
def test_an_extension_of_an_overdue_one_reaches_30_days_from_the_review(days: int) -> None:
    desk = aged(100)
    assert rules(desk, {DEV: {**GRANT, "until": in_days(desk, days)}}) == []
    assert latest_extension(row_of(taken(desk), DEV), desk.clock()) == (desk.clock() + timedelta(days=30)).date()


def test_an_extension_of_one_due_soon_reaches_30_days_from_its_due_date_and_starts_after_it() -> None:
    desk = aged(80)
    assert rules(desk, {DEV: {**GRANT, "until": in_days(desk, 10)}}) == [(str(DEV), "until-needless")]
    assert rules(desk, {DEV: {**GRANT, "until": in_days(desk, 11)}}) == []
    assert rules(desk, {DEV: {**GRANT, "until": in_days(desk, 40)}}) == []
    assert rules(desk, {DEV: {**GRANT, "until": in_days(desk, 41)}}) == [(str(DEV), "until-too-far")]


def test_no_extension_reaches_the_exchanges_own_end() -> None:
    desk = Desk("dev", rotation_days=80)
    desk.service.save(BYBIT, values(BYBIT), ip_bound=False)
    desk.clock.forward(days=81)
    assert rules(desk, {BYBIT: {**GRANT, "until": in_days(desk, 9)}}) == [(str(BYBIT), "exchange-end")]
    assert rules(desk, {BYBIT: {**GRANT, "until": in_days(desk, 8)}}) == []
    assert latest_extension(row_of(taken(desk), BYBIT), desk.clock()) == (START + timedelta(days=89)).date()


def test_what_is_not_in_the_review_or_is_deleted_is_refused() -> None:
    desk = aged(100)
    desk.save(OKX)
    desk.service.delete(OKX)
    found = rules(desk, {OKX: {"decision": "retire"}, "dev/gate": {"decision": "retire"}})
    assert found == [(str(OKX), "deleted"), ("dev/gate", "unknown-credential")]


def test_two_decisions_on_one_row_are_refused() -> None:
    entry = {"credential": str(DEV), "decision": "retire"}
    with pytest.raises(DecisionsRefused) as refused:
        parse_decisions(json.dumps({"format": 1, "decisions": [entry, entry]}).encode())
    assert [ruling.rule for ruling in refused.value.rulings] == ["twice"]


def test_how_often_it_was_extended_is_counted_over_reviews_and_starts_anew_with_a_new_key() -> None:
    desk = aged(100)
    for count in (1, 2, 3):
        review = signed(desk, {DEV: {**GRANT, "until": in_days(desk, 10)}})
        decision = row_of(review, DEV).decision
        assert decision is not None
        assert decision.count == count
        record(desk, review)
        desk.clock.forward(days=11)
    desk.service.rotate(DEV, values(DEV, 2))
    desk.clock.forward(days=100)
    decision = row_of(signed(desk, {DEV: {**GRANT, "until": in_days(desk, 10)}}), DEV).decision
    assert decision is not None
    assert decision.count == 1


def test_the_count_outlives_the_tag() -> None:
    desk = aged(100)
    record(desk, signed(desk, {DEV: {**GRANT, "until": in_days(desk, 10)}}))
    desk.inner["dev"].untag("mm-bot/dev/kraken/api_key", ["mm:extend"])
    decision = row_of(signed(desk, {DEV: {**GRANT, "until": in_days(desk, 12)}}), DEV).decision
    assert decision is not None
    assert decision.count == 2


def test_the_count_outlives_another_decision_and_an_adoption() -> None:
    desk = Desk("dev")
    desk.save_foreign(DEV)
    desk.clock.forward(days=100)
    record(desk, signed(desk, {DEV: {**GRANT, "until": in_days(desk, 10)}}))
    record(desk, signed(desk, {DEV: {"decision": "rotate-now"}}))
    desk.service.adopt(DEV)
    review = signed(desk, {DEV: {**GRANT, "until": in_days(desk, 10)}})
    decision = row_of(review, DEV).decision
    assert decision is not None
    assert decision.count == 2


def test_an_extension_in_force_stands_without_a_new_decision() -> None:
    desk = aged(100)
    until = in_days(desk, 20)
    record(desk, signed(desk, {DEV: {**GRANT, "until": until}}))
    for _ in range(2):
        desk.clock.forward(days=7)
        review = signed(desk, {})
        decision = row_of(review, DEV).decision
        assert decision is not None
        assert (decision.decision, str(decision.until), decision.count, decision.standing) == ("extend", until, 1, True)
        record(desk, review)
    desk.clock.forward(days=7)
    with pytest.raises(ReviewProblem, match="lacks a decision"):
        signed(desk, {})


def test_an_unknown_age_cannot_be_extended_where_the_exchange_ends_it() -> None:
    desk = Desk("dev")
    desk.service.save(BYBIT, values(BYBIT), ip_bound=False)
    row = row_of(taken(desk), BYBIT)
    assert row.exchange_limit is not None
    unknown = row.model_copy(
        update={
            "age": row.age.model_copy(update={"status": "unknown", "due": None, "born": None}),
            "exchange_limit": row.exchange_limit.model_copy(update={"due": None}),
            "needs_decision": True,
        }
    )
    decided = Decided(str(BYBIT), "extend", desk.clock().date() + timedelta(days=3), "r", "c")
    assert [ruling.rule for ruling in judge(unknown, decided, desk.clock())] == ["exchange-end-unknown"]


def test_the_next_review_has_a_date_within_a_month() -> None:
    desk = aged(1)
    assert signed(desk, {}).signature is not None
    default = signed(desk, {}).signature
    assert default is not None
    assert str(default.next) == in_days(desk, 7)
    chosen = signed(desk, {}, next=in_days(desk, 31)).signature
    assert chosen is not None
    assert str(chosen.next) == in_days(desk, 31)
    for days in (0, 32):
        with pytest.raises(ReviewProblem, match="next review"):
            signed(desk, {}, next=in_days(desk, days))


def test_a_file_of_values_given_by_mistake_is_not_repeated(canary: Canary) -> None:
    files = (
        json.dumps({"api_key": canary.api_key, "api_secret": canary.api_secret}),
        json.dumps({"format": 1, "decisions": [{"credential": canary.api_key, "decision": canary.api_secret}]}),
        json.dumps({"format": 1, "decisions": [{"credential": "dev/kraken", "decision": canary.api_secret}]}),
        json.dumps({"format": 1, "decisions": [{"credential": "dev/kraken", canary.api_key: 1}], canary.api_secret: 1}),
        json.dumps({"format": 1, "decisions": [], "next": canary.api_key, "corrects": {"document": canary.api_secret}}),
        f"{canary.api_key}\n{canary.api_secret}\n",
    )
    for text in files:
        with pytest.raises(DecisionsRefused) as refused:
            parse_decisions(text.encode())
        error = refused.value
        assert canary.leaks_in(f"{error!r} {error.message} {error.hint} {error.rulings} {error.__context__!r}") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    entry=st.fixed_dictionaries({}, optional=dict.fromkeys(["credential", "decision", "until", "reason", "by"], JSON))
)
def test_no_file_ends_in_another_error(entry: dict[str, object]) -> None:
    for decisions in ([entry], entry):
        with contextlib.suppress(DecisionsRefused):
            parse_decisions(json.dumps({"format": 1, "decisions": decisions}).encode())


def test_a_name_of_a_record_is_none_of_a_credential() -> None:
    with pytest.raises(DecisionsRefused):
        parse_decisions(file_of({control_name("dev", "_review"): {"decision": "retire"}}))
