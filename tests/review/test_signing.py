"""Signing: one winner, nothing half-done that cannot be finished, and what is left in the store."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from secrets_core.errors import Conflict, Denied, OutcomeUnknown, Refused
from secrets_core.names import REVIEW, CredentialRef, control_name
from secrets_core.policy import default_policy
from secrets_core.review.decisions import Decisions, decide, parse_decisions
from secrets_core.review.document import Review, ReviewProblem, canonical, digest
from secrets_core.review.exports import FORMATS, export
from secrets_core.review.population import build, look
from secrets_core.review.record import (
    read_record,
)
from secrets_core.review.signing import check_resumable, record_all, record_review, sign
from secrets_core.secret import Secret
from secrets_core.service import Service
from secrets_core.settings import EnvironmentSettings, Settings
from secrets_core.stores.base import PENDING
from secrets_core.stores.memory import MemoryStore
from secrets_core.tags import EXTEND, Extension, extension, format_extension
from tests.canary import Canary
from tests.core.desk import Desk, values
from tests.pairs.support import START, HookedStore, Killed, MovableClock
from tests.review.support import DEV, GRANT, PROD, aged, file_of, record, row_of, signed, taken

NAME = control_name("dev", REVIEW)


def test_a_signed_review_is_the_record_and_the_next_one_follows_it() -> None:
    desk = aged(1)
    first = signed(desk, {})
    assert [(one.environment, one.new, one.notices) for one in record(desk, first)] == [("dev", True, ())]
    held = desk.service.last_review("dev")
    assert held is not None
    assert (held.record.number, held.record.document, held.record.previous) == (1, digest(canonical(first)), "")
    assert (held.record.by, held.record.signed_at) == ("alice@desk", desk.clock())
    desk.clock.forward(days=7)
    second = signed(desk, {})
    chain = second.environment("dev").chain
    assert chain is not None
    assert (chain.number, chain.previous) == (2, held.record.document)
    record(desk, second)
    assert desk.inner["dev"].describe(NAME).stages.keys() == {"AWSCURRENT", "AWSPREVIOUS"}


def test_a_repeat_changes_nothing() -> None:
    desk = aged(100)
    until = str(desk.clock().date() + timedelta(days=9))
    review = signed(desk, {DEV: {**GRANT, "until": until}})
    record(desk, review)
    before = desk.inner["dev"].describe(NAME)
    assert [one.new for one in record(desk, review)] == [False]
    assert desk.inner["dev"].describe(NAME) == before


def test_an_unsigned_review_is_never_recorded() -> None:
    desk = aged(1)
    with pytest.raises(ReviewProblem):
        record(desk, taken(desk))
    assert desk.service.last_review("dev") is None


def test_another_operator_does_not_record_it() -> None:
    desk = aged(1)
    review = signed(desk, {})
    store = MemoryStore(desk.clock, operator="mallory@desk")
    with pytest.raises(Refused) as refused:
        record_review(store, "dev", review)
    assert refused.value.guard == "signer"
    assert store.list_metadata("") == []


@pytest.mark.parametrize(
    ("variables", "guard"), [({"GITHUB_ACTIONS": "1"}, "ci"), ({"MM_ENV": "dev"}, "bound"), ({}, "read-only")]
)
def test_the_guards_of_a_change_hold(variables: dict[str, str], guard: str) -> None:
    desk = Desk("dev", "prod")
    desk.save(PROD)
    review = signed(desk, {}, "prod")
    other = Desk("prod", variables=variables)
    with pytest.raises(Refused) as refused:
        other.service.sign_review("prod", review)
    assert refused.value.guard == guard


class TestTwoSigners:
    def test_the_second_is_told_and_leaves_nothing(self) -> None:
        desk = aged(1)
        record(desk, signed(desk, {}))
        desk.clock.forward(days=7)
        mine = signed(desk, {})
        desk.clock.forward(seconds=1)
        theirs = signed(desk, {})
        record(desk, mine)
        with pytest.raises(Conflict):
            record(desk, theirs)
        held = desk.service.last_review("dev")
        assert held is not None
        assert held.record.document == digest(canonical(mine))
        assert PENDING not in desk.inner["dev"].describe(NAME).stages

    @pytest.mark.parametrize("reviews_before", [0, 1])
    @pytest.mark.parametrize("at", range(1, 5))
    def test_in_every_interleaving_one_wins(self, reviews_before: int, at: int) -> None:
        """The other signs completely right before the n-th call of this one."""
        desk = aged(1)
        for _ in range(reviews_before):
            record(desk, signed(desk, {}))
            desk.clock.forward(days=7)
        mine = signed(desk, {})
        desk.clock.forward(seconds=1)
        theirs = signed(desk, {})
        calls = itertools.count(1)
        won: list[bool] = []

        def hook(_operation: str, _name: str, _run: Callable[[], object]) -> None:
            if next(calls) == at:
                try:
                    won.append(record_review(desk.inner["dev"], "dev", theirs).new)
                except Conflict:
                    won.append(False)

        try:
            i_won = record_review(HookedStore(desk.inner["dev"], hook), "dev", mine).new
        except Conflict:
            i_won = False
        if not won:  # this one made fewer calls
            with pytest.raises(Conflict):
                record_review(desk.inner["dev"], "dev", theirs)
            won.append(False)
        assert [i_won, *won].count(True) == 1
        held = read_record(desk.inner["dev"], "dev")
        assert held is not None
        assert held.record.document == digest(canonical(mine if i_won else theirs))
        assert held.record.number == reviews_before + 1
        assert PENDING not in desk.inner["dev"].describe(NAME).stages

    def test_at_once_in_threads(self) -> None:
        desk = aged(1)
        reviews: list[Review] = []
        for _ in range(6):
            reviews.append(signed(desk, {}))
            desk.clock.forward(seconds=1)
        start = threading.Barrier(len(reviews))
        outcomes: list[str] = []

        def run(review: Review) -> None:
            start.wait(10)
            try:
                record_review(desk.inner["dev"], "dev", review)
                outcomes.append("won")
            except Conflict:
                outcomes.append("told")

        threads = [threading.Thread(target=run, args=(review,)) for review in reviews]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(outcomes) == ["told"] * 5 + ["won"]


class Two:
    """Two environments, each behind a store that dies at one call."""

    def __init__(self, at: int | None = None, *, applied: bool = False, world: Two | None = None) -> None:
        self.clock: MovableClock = world.clock if world else MovableClock()
        made = {name: MemoryStore(self.clock, operator="alice@desk") for name in ("dev", "shadow")}
        self.inner: dict[str, MemoryStore] = world.inner if world else made
        calls = itertools.count(1)
        self.total = 0

        def hook(_operation: str, _name: str, run: Callable[[], object]) -> None:
            self.total = next(calls)
            if self.total == at:
                if applied:
                    run()
                raise Killed

        self.service = Service(
            Settings(environments={n: EnvironmentSettings(n, default_policy(n)) for n in self.inner}),
            variables={},
            backend="aws",
            clock=self.clock,
            open_environment=lambda known: HookedStore(self.inner[known.name], hook),
        )

    def record(self, review: Review) -> list[str]:
        done, _, error = record_all(
            [each.name for each in review.environments], lambda name: self.service.sign_review(name, review)
        )
        if error is not None:
            raise error
        return [one.environment for one in done]


def two_with_an_overdue_one(reviewed: bool) -> tuple[Two, Review]:
    two = Two()
    shadow = CredentialRef("shadow", "kraken")
    for ref in (DEV, shadow):
        two.service.save(ref, values(ref))
    if reviewed:
        looks = [look(two.service, name) for name in ("dev", "shadow")]
        two.record(sign(decide(build(looks, two.clock()), Decisions()), Decisions()))
    two.clock.forward(days=100)
    until = str(two.clock().date() + timedelta(days=9))
    decisions = parse_decisions(file_of({ref: {**GRANT, "until": until} for ref in (DEV, shadow)}))
    looks = [look(two.service, name) for name in ("dev", "shadow")]
    return two, sign(decide(build(looks, two.clock()), decisions), decisions)


@pytest.mark.parametrize("reviewed", [False, True])
@pytest.mark.parametrize("applied", [False, True])
def test_killed_at_any_call_the_same_document_finishes(applied: bool, reviewed: bool) -> None:
    world, review = two_with_an_overdue_one(reviewed)
    probe = Two(world=world)
    probe.record(review)
    total = probe.total
    assert total == (10 if reviewed else 6)
    for at in range(1, total + 1):
        world, review = two_with_an_overdue_one(reviewed)
        with pytest.raises(Killed):
            Two(at, applied=applied, world=world).record(review)
        assert Two(world=world).record(review) == ["dev", "shadow"]
        for name, store in world.inner.items():
            held = read_record(store, name)
            assert held is not None
            assert (held.record.document, held.record.number) == (digest(canonical(review)), 1 + reviewed)
            tags = store.describe(f"mm-bot/{name}/kraken/api_key").tags
            assert extension(tags, row_of(review, CredentialRef(name, "kraken")).version) is not None


def test_it_stops_at_the_first_environment_that_fails() -> None:
    desk = aged(1, "dev", "shadow")
    review = signed(desk, {})
    desk.stores["dev"].fails["create"] = Denied("Not allowed.")
    done, where, error = record_all(["shadow", "dev"], lambda name: desk.service.sign_review(name, review))
    assert (done, where, getattr(error, "code", "")) == ((), "dev", "denied")
    assert desk.service.last_review("shadow") is None


def test_an_answer_that_was_lost_is_looked_up() -> None:
    desk = aged(1)
    record(desk, signed(desk, {}))
    desk.clock.forward(days=7)
    review = signed(desk, {})

    def hook(called: str, _name: str, run: Callable[[], object]) -> None:
        if called == "move_stage AWSCURRENT":
            run()
            raise OutcomeUnknown("The answer was lost.")

    assert record_review(HookedStore(desk.inner["dev"], hook), "dev", review).new
    assert not record_review(desk.inner["dev"], "dev", review).new


def test_a_change_that_did_not_happen_is_not_taken_for_done() -> None:
    desk = aged(1)
    review = signed(desk, {})

    def hook(called: str, _name: str, _run: Callable[[], object]) -> None:
        if called == "create":
            raise OutcomeUnknown("The answer was lost.")

    with pytest.raises(OutcomeUnknown):
        record_review(HookedStore(desk.inner["dev"], hook), "dev", review)


class TestTags:
    def test_an_extension_goes_into_the_leaders_tag_and_leaves_with_another_decision(self) -> None:
        desk = aged(100)
        until = desk.clock().date() + timedelta(days=9)
        record(desk, signed(desk, {DEV: {**GRANT, "until": str(until), "by": "Zoë"}}))
        version = row_of(taken(desk), DEV).version
        tags = desk.inner["dev"].describe("mm-bot/dev/kraken/api_key").tags
        assert extension(tags, version) == Extension(str(version)[-12:], until, "Zo_", 1)
        assert EXTEND not in desk.inner["dev"].describe("mm-bot/dev/kraken/api_secret").tags
        record(desk, signed(desk, {DEV: {"decision": "rotate-now"}}))
        assert EXTEND not in desk.inner["dev"].describe("mm-bot/dev/kraken/api_key").tags

    def test_one_that_cannot_be_written_is_a_notice(self) -> None:
        desk = aged(100)
        review = signed(desk, {DEV: {**GRANT, "until": str(desk.clock().date() + timedelta(days=9))}})
        desk.stores["dev"].fails["tag"] = Denied("Not allowed.")
        (recorded,) = record(desk, review)
        assert recorded.new
        assert "dev/kraken" in recorded.notices[0]

    def test_a_long_name_is_cut_within_the_alphabet(self) -> None:
        value = format_extension(Extension("0" * 12, START.date(), "é" * 400, 3))
        assert len(value) == 256
        assert value.isascii()
        read = extension({EXTEND: value}, "x" * 24 + "0" * 12)
        assert read is not None
        assert (read.until, read.count, set(read.by)) == (START.date(), 3, {"_"})

    @pytest.mark.parametrize("value", ["", "v=0", "v=000000000000", "v=000000000000 until=never", "until=2026-01-01"])
    def test_what_is_not_ours_is_none(self, value: str) -> None:
        assert extension({EXTEND: value}, "x" * 24 + "0" * 12) is None
        assert extension({EXTEND: value}, None) is None


class TestCorrection:
    def test_it_names_the_last_review_and_counts_what_that_granted_once(self) -> None:
        desk = aged(100)
        until = str(desk.clock().date() + timedelta(days=9))
        record(desk, signed(desk, {DEV: {**GRANT, "until": until}}))
        last = desk.service.last_review("dev")
        assert last is not None
        wrong = {"document": last.record.document, "why": "the wrong date"}
        corrected = signed(desk, {DEV: {**GRANT, "until": until}}, corrects=wrong)
        decision = row_of(corrected, DEV).decision
        assert decision is not None
        assert decision.count == 1
        record(desk, corrected)
        last = desk.service.last_review("dev")
        assert last is not None
        assert (last.record.number, last.record.corrects) == (2, wrong["document"])

    def test_only_a_last_review_is_corrected(self) -> None:
        desk = aged(1)
        record(desk, signed(desk, {}))
        with pytest.raises(ReviewProblem, match="not the last one"):
            signed(desk, {}, corrects={"document": "0" * 64, "why": "wrong"})


def test_an_old_document_cannot_be_finished() -> None:
    desk = aged(1)
    review = signed(desk, {})
    check_resumable(review, desk.clock)
    desk.clock.forward(hours=25)
    with pytest.raises(ReviewProblem):
        check_resumable(review, desk.clock)
    with pytest.raises(ReviewProblem):
        check_resumable(taken(desk), desk.clock)


def test_no_value_is_in_what_a_review_leaves(canary: Canary) -> None:
    desk = Desk("dev")
    ref = CredentialRef("dev", "kucoin")
    parts = {"api_key": canary.api_key, "api_secret": canary.api_secret, "api_passphrase": canary.api_passphrase}
    desk.service.save(ref, {name: Secret(text) for name, text in parts.items()})
    desk.clock.forward(days=100)
    review = signed(desk, {ref: {**GRANT, "until": str(desk.clock().date() + timedelta(days=9))}})
    record(desk, review)
    left = [export(review, form) for form in FORMATS]
    left.append(desk.inner["dev"].get_secret_value(NAME).reveal().encode())
    left.append(str(desk.inner["dev"].list_metadata("")).encode())
    assert canary.leaks_in(b"".join(left)) == []
