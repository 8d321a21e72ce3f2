"""What a review looks at, what it says of each credential, and when it is not whole."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from secrets_core.errors import CoreError, Denied, NotFound, Refused, Unreachable
from secrets_core.names import REVIEW, CredentialRef, control_name
from secrets_core.review.decisions import Decisions, decide
from secrets_core.review.document import ReviewProblem
from secrets_core.review.population import build, look
from secrets_core.review.rows import FLAGS
from secrets_core.review.signing import sign
from secrets_core.secret import Secret
from secrets_core.service import Service
from secrets_core.settings import Settings, load_settings
from secrets_core.stores.metadata_only import MetadataOnlyStore
from secrets_core.views import Action
from tests.core.desk import ALL, Desk, values
from tests.pairs.support import START, put_foreign
from tests.review.support import DEV, GRANT, OKX, PROD, aged, record, row_of, signed, taken

BYBIT = CredentialRef("dev", "bybit")


def test_everything_of_every_environment_is_in_it() -> None:
    desk = Desk("dev", "prod")
    desk.save(DEV)
    desk.save(OKX)
    desk.save(PROD)
    desk.service.delete(OKX)
    put_foreign(desk.inner["dev"], "mm-bot/dev/kraken/emergency/api_key", Secret("x" * 9))
    put_foreign(desk.inner["dev"], "mm-bot/dev/what-is-this", Secret("x" * 9))
    review = taken(desk)
    dev = review.environment("dev")
    assert review.complete
    assert [row.credential for row in review.rows] == [str(DEV), str(PROD)]
    assert [deleted.credential for deleted in dev.deleted] == [str(OKX)]
    assert (dev.emergency, dev.foreign, dev.credentials) == ((str(DEV),), ("mm-bot/dev/what-is-this",), 1)
    assert (dev.operator, dev.listing, dev.listed_at) == ("alice@desk", "whole", START)
    assert dev.chain is not None
    assert (dev.chain.number, dev.chain.previous) == (1, "")


@pytest.mark.parametrize(
    ("where", "error", "code"),
    [
        ("list_metadata", Unreachable("No answer."), "unreachable"),
        (ALL, Denied("Not allowed."), "denied"),
        (("read_current", control_name("dev", REVIEW)), Denied("Not allowed."), "denied"),
        ("identity", Unreachable("No answer."), "identity"),
    ],
)
def test_what_cannot_be_looked_at_makes_it_incomplete_and_unsignable(
    where: str | tuple[str, str], error: CoreError, code: str
) -> None:
    desk = aged(1, "dev", "prod")
    desk.save(PROD)
    desk.stores["dev"].fails[where] = error
    review = taken(desk)
    assert not review.complete
    assert [(gap.environment, gap.code) for gap in review.gaps] == [("dev", code)]
    assert str(PROD) in [row.credential for row in review.rows]
    with pytest.raises(ReviewProblem, match="not complete"):
        sign(decide(review, Decisions()), Decisions())


def test_an_environment_that_failed_shows_no_rows_of_before() -> None:
    desk = aged(1)
    assert taken(desk).rows
    desk.stores["dev"].fails[ALL] = Unreachable("No answer.")
    assert taken(desk).rows == ()


def test_where_listing_is_denied_known_names_are_looked_at_and_it_is_incomplete() -> None:
    desk = Desk("dev", exchanges=["kraken"])
    desk.save(DEV)
    desk.stores["dev"].fails["list_metadata"] = Denied("Not allowed.")
    review = taken(desk)
    assert [gap.code for gap in review.gaps] == ["partial"]
    assert review.environment("dev").listing == "known names only"
    assert [row.credential for row in review.rows] == [str(DEV)]


def test_a_record_that_is_not_understood_is_a_gap() -> None:
    desk = aged(1)
    put_foreign(desk.inner["dev"], control_name("dev", REVIEW), Secret('{"format":99}'))
    review = taken(desk)
    assert [gap.code for gap in review.gaps] == ["settings"]
    assert review.environment("dev").chain is None


def test_policy_says_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[environments.dev]\nrotation_days = 60\n[environments.dev.exchanges.okx]\nrotation_days = 30\n")
    settings = load_settings(str(path), {})
    desk = Desk("dev")
    service = Service(settings, variables={}, clock=desk.clock, open_environment=lambda _: desk.inner["dev"])
    desk.save(DEV)
    desk.save(OKX)
    review = build([look(service, "dev")], desk.clock())
    policy = review.environment("dev").policy
    assert (policy.rotation_days, policy.rotation_source) == (60, "settings file")
    assert (policy.warn_days, policy.warn_source) == (14, "default")
    assert policy.exchanges == {"okx": 30}
    assert (row_of(review, DEV).policy.days, row_of(review, DEV).policy.source) == (60, "settings file")
    assert (row_of(review, OKX).policy.days, row_of(review, OKX).policy.source) == (30, "settings file, for okx")
    assert row_of(taken(desk), DEV).policy.source == "default"


def test_both_limits_are_shown_and_which_decides() -> None:
    desk = Desk("dev", rotation_days=120)
    desk.service.save(BYBIT, values(BYBIT), ip_bound=False)
    row = row_of(taken(desk), BYBIT)
    assert (row.policy.days, row.policy.due) == (120, START + timedelta(days=120))
    assert row.exchange_limit is not None
    assert (row.exchange_limit.days, row.exchange_limit.due) == (90, START + timedelta(days=90))
    assert (row.exchange_limit.applies, row.decides, row.age.due) == (True, "exchange", START + timedelta(days=90))
    assert "IP list" in row.exchange_limit.sentence
    assert [rule.kind for rule in row.information] == ["event"]


def test_an_exchange_rule_whose_condition_is_not_known_decides_nothing_and_is_flagged() -> None:
    desk = Desk("dev", rotation_days=120)
    desk.save(BYBIT)
    row = row_of(taken(desk), BYBIT)
    assert row.exchange_limit is not None
    assert (row.exchange_limit.applies, row.decides) == (None, "policy")
    assert "exchange-end-unknown" in row.flags


def test_inactivity_rules_are_information_alone() -> None:
    desk = Desk("dev")
    desk.save(OKX)
    row = row_of(taken(desk), OKX)
    assert "inactivity" in [rule.kind for rule in row.information]
    assert row.decides == "policy"


class TestAges:
    def test_of_a_legacy_credential_is_looked_up(self) -> None:
        desk = Desk("dev")
        desk.save_foreign(DEV)
        desk.clock.forward(days=100)
        row = row_of(taken(desk), DEV)
        assert (row.age.days, row.age.status, row.age.source) == (100, "overdue", "creation date in the backend")
        assert row.backend_created == START

    def test_that_may_not_be_looked_up_is_an_upper_bound_and_needs_a_decision(self) -> None:
        desk = Desk("dev")
        desk.save_foreign(DEV)
        desk.clock.forward(days=100)
        desk.stores["dev"].fails["list_versions"] = Denied("Not allowed.")
        review = taken(desk)
        row = row_of(review, DEV)
        assert (row.age.status, row.needs_decision) == ("unknown", True)
        assert "could not be read" in review.environment("dev").notes[-1]

    def test_of_the_backend_is_compared_where_it_is_read(self) -> None:
        desk = Desk("dev")
        desk.save_foreign(DEV)
        desk.clock.forward(days=40)
        desk.service.refresh("dev")
        desk.service.adopt(DEV)
        assert "dates-apart" not in row_of(taken(desk), DEV).flags
        row = row_of(taken(desk, check_dates=True), DEV)
        assert "dates-apart" in row.flags
        assert (row.age.born, row.backend_created) == (START, START + timedelta(days=40))

    def test_of_the_backend_that_agrees_is_not_flagged(self) -> None:
        row = row_of(taken(aged(3), check_dates=True), DEV)
        assert row.backend_created == START
        assert "dates-apart" not in row.flags


class TestPromises:
    def test_to_rotate_is_open_until_it_is_rotated_and_late_when_the_next_review_is_due(self) -> None:
        desk = aged(100)
        record(desk, signed(desk, {DEV: {"decision": "rotate-now"}}))
        desk.clock.forward(days=1)
        assert row_of(taken(desk), DEV).flags == ("promise-open",)
        desk.clock.forward(days=6)
        assert row_of(taken(desk), DEV).flags == ("promise-open", "late")
        desk.clock.forward(days=3)
        row = row_of(taken(desk), DEV)
        assert row.promise is not None
        assert (row.promise.decision, row.promise.late, row.promise.days_late) == ("rotate-now", True, 3)
        assert row.flags == ("promise-open", "late")
        desk.service.rotate(DEV, values(DEV, 2))
        assert row_of(taken(desk), DEV).promise is None

    def test_the_same_promise_again_keeps_its_first_day(self) -> None:
        desk = aged(100)
        first = desk.clock().date()
        for _ in range(3):
            record(desk, signed(desk, {DEV: {"decision": "rotate-now"}}))
            desk.clock.forward(days=7)
        promise = row_of(taken(desk), DEV).promise
        assert promise is not None
        assert promise.first == first

    def test_to_retire_is_not_kept_by_rotating(self) -> None:
        desk = aged(100)
        record(desk, signed(desk, {DEV: {"decision": "retire"}}))
        desk.service.rotate(DEV, values(DEV, 2))
        desk.clock.forward(days=8)
        row = row_of(taken(desk), DEV)
        assert row.promise is not None
        assert row.promise.late
        desk.service.delete(DEV)
        review = taken(desk)
        assert (review.rows, [each.credential for each in review.environment("dev").deleted]) == ((), [str(DEV)])

    def test_to_rotate_is_not_kept_by_adopting_or_by_rolling_back(self) -> None:
        desk = Desk("dev")
        desk.save_foreign(DEV)
        desk.save(OKX, 1, 2)
        desk.clock.forward(days=100)
        record(desk, signed(desk, {ref: {"decision": "rotate-now"} for ref in (DEV, OKX)}))
        desk.clock.forward(days=1)
        desk.service.adopt(DEV)
        desk.service.roll_back(OKX)
        review = taken(desk)
        assert [row_of(review, ref).flags[0] for ref in (DEV, OKX)] == ["promise-open"] * 2
        for ref in (DEV, OKX):
            desk.service.rotate(ref, values(ref, 3))
        assert [row.promise for row in taken(desk).rows] == [None, None]

    def test_of_one_without_a_version_stays_open(self) -> None:
        desk = Desk("dev")
        put_foreign(desk.inner["dev"], "mm-bot/dev/kraken/api_secret", Secret("x" * 9))
        assert row_of(taken(desk), DEV).version is None
        record(desk, signed(desk, {DEV: {"decision": "retire"}}))
        assert row_of(taken(desk), DEV).promise is not None
        record(desk, signed(desk, {DEV: {"decision": "rotate-now"}}))
        assert "promise-open" in row_of(taken(desk), DEV).flags

    def test_an_extension_lasts_its_last_day_and_then_is_late(self) -> None:
        desk = aged(100)
        until = desk.clock().date() + timedelta(days=10)
        record(desk, signed(desk, {DEV: {**GRANT, "until": str(until)}}))
        desk.clock.forward(days=10)
        row = row_of(taken(desk), DEV)
        assert row.extended is not None
        assert (row.extended.until, row.extended.count, row.extended.signed) == (until, 1, True)
        assert (row.needs_decision, row.flags, row.age.status) == (False, (), "overdue")
        desk.clock.forward(days=1)
        row = row_of(taken(desk), DEV)
        assert (row.needs_decision, row.flags) == (True, ("late",))

    def test_a_review_that_comes_late_says_so(self) -> None:
        desk = aged(1)
        record(desk, signed(desk, {}))
        desk.clock.forward(days=12)
        last = taken(desk).environment("dev").last_review
        assert last is not None
        assert (last.days_late, last.next, last.by) == (5, date(2025, 3, 9), "alice@desk")


def test_a_tag_alone_extends_nothing() -> None:
    desk = aged(100)
    review = taken(desk)
    version = row_of(review, DEV).version
    assert version is not None
    desk.inner["dev"].tag("mm-bot/dev/kraken/api_key", {"mm:extend": f"v={version[-12:]} until=2026-01-01 n=1 by=me"})
    row = row_of(taken(desk), DEV)
    assert row.extended is not None
    assert not row.extended.signed
    assert (row.needs_decision, row.flags) == (True, ("unsigned-extension",))
    desk.inner["dev"].tag("mm-bot/dev/kraken/api_key", {"mm:extend": "v=000000000000 until=2026-01-01 n=1 by=me"})
    assert row_of(taken(desk), DEV).extended is None


def test_in_prod_a_reviewer_who_rotated_is_flagged() -> None:
    desk = aged(1, "dev", "prod")
    desk.save(PROD)
    review = taken(desk)
    assert "reviewer-rotated" in row_of(review, PROD).flags
    assert "reviewer-rotated" not in row_of(review, DEV).flags


def test_every_flag_has_words() -> None:
    assert all(text and text[0].islower() for text in FLAGS.values())


def test_a_bound_service_lists_nothing_of_another_environment() -> None:
    desk = Desk("dev", "prod", variables={"MM_ENV": "dev"})
    review = taken(desk)
    assert [(gap.environment, gap.code) for gap in review.gaps] == [("prod", "refused")]
    assert desk.stores["prod"].calls == {}


class TestMetadataOnly:
    """CI may review prod, and do nothing else there."""

    VARIABLES = {"GITHUB_ACTIONS": "true"}

    def test_a_review_of_prod_is_allowed_and_nothing_else(self) -> None:
        desk = Desk("prod")
        desk.save(PROD)
        service = Service(
            Settings(),
            variables=self.VARIABLES,
            backend="aws",
            clock=desk.clock,
            open_environment=lambda _: MetadataOnlyStore(desk.inner["prod"]),
            metadata_only=True,
        )
        assert service.refusal(Action.REVIEW, "prod") is None
        for action in Action:
            if action is not Action.REVIEW:
                refused = service.refusal(action, "prod")
                assert refused is not None
                assert refused.guard == "ci"
        review = build([look(service, "prod")], desk.clock())
        assert (review.complete, len(review.rows)) == (True, 1)

    def test_an_ordinary_service_makes_no_exception(self) -> None:
        refused = Desk("prod", variables=self.VARIABLES).service.refusal(Action.REVIEW, "prod")
        assert refused is not None
        assert refused.guard == "ci"

    def test_the_store_reads_no_value_and_changes_nothing(self) -> None:
        desk = Desk("dev")
        desk.save(DEV)
        before = desk.inner["dev"].list_metadata("")
        store = MetadataOnlyStore(desk.inner["dev"])
        name, other = "mm-bot/dev/kraken/api_key", Secret("y" * 9)
        attempts = (
            lambda: store.read_current([name]),
            lambda: store.read_current([control_name("dev", REVIEW), name]),
            lambda: store.read_current(["mm-bot/dev/_fingerprint"]),
            lambda: store.get_secret_value(name),
            lambda: store.read_version(name, "v"),
            lambda: store.create(name, "v", other),
            lambda: store.put(name, "v", other, ["AWSCURRENT"]),
            lambda: store.put_secret_value(name, "v", other),
            lambda: store.move_stage(name, "AWSCURRENT", to="v", expected=None),
            lambda: store.tag(name, {"a": "b"}),
            lambda: store.untag(name, ["a"]),
            lambda: store.delete(name),
            lambda: store.delete_secret(name),
            lambda: store.restore(name),
        )
        for attempt in attempts:
            with pytest.raises(Refused) as refused:
                attempt()
            assert refused.value.guard == "metadata-only"
        assert store.list_metadata("") == before
        assert isinstance(store.read_current([control_name("dev", REVIEW)])[control_name("dev", REVIEW)], NotFound)
