"""Refreshing an environment: what is shown when all is well, when rights are missing, and when nothing answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from secrets_core.ages import AgeSource, AgeStatus
from secrets_core.errors import (
    CoreError,
    Denied,
    GarbledAnswer,
    IdentityProblem,
    Refused,
    SettingsError,
    Throttled,
    Unreachable,
    Unsupported,
    WrongAccount,
)
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.pairs import PairState
from secrets_core.secret import Secret
from secrets_core.stores.base import CURRENT, PENDING, SecretMetadata
from secrets_core.versions import new_version_id
from secrets_core.views import Condition, EnvironmentState
from tests.core.desk import ALL, Desk, values
from tests.pairs.support import START, put_foreign, write_freeze

BYBIT, KUCOIN, OKX = (CredentialRef("dev", name) for name in ("bybit", "kucoin@mm1", "okx"))
DAY = timedelta(days=1)


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestWell:
    def test_before_anything_answers(self, desk: Desk) -> None:
        view = desk.service.view("prod")
        assert (view.state, view.backend, view.read_only) == (EnvironmentState.CONNECTING, "aws", True)
        assert (view.rows, view.listed_at, view.problem) == ((), None, None)
        assert view == desk.service.blank("prod")
        assert desk.opened == []

    def test_empty(self, desk: Desk) -> None:
        view = desk.service.refresh("dev")
        assert (view.state, view.rows, view.listed_at) == (EnvironmentState.EMPTY, (), START)
        assert view.identity is not None
        assert view.identity.operator == "alice@desk"

    def test_worst_first_with_its_counts(self, desk: Desk) -> None:
        desk.save(BYBIT)
        desk.clock.forward(days=80)
        desk.save(KUCOIN)
        desk.clock.forward(days=11)
        desk.save(OKX)
        desk.save_foreign(CredentialRef("dev", "kraken"))
        view = desk.service.refresh("dev")
        assert view.state is EnvironmentState.READY
        assert desk.names("dev") == ["bybit", "kraken", "kucoin@mm1", "okx"]
        assert [row.condition for row in view.rows] == [
            *(Condition.OVERDUE, Condition.LEGACY),
            *(Condition.FRESH, Condition.FRESH),
        ]
        assert (view.counts.credentials, view.counts.overdue, view.counts.unknown) == (4, 1, 0)
        assert desk.row(BYBIT).by == "alice@desk"

    def test_foreign_names_and_emergency_credentials_are_apart(self, desk: Desk) -> None:
        desk.save(BYBIT)
        store = desk.inner["dev"]
        for name in (secret_name(BYBIT, LEADER, emergency=True), "mm-bot/dev/grafana/token", "mm-bot/dev/x"):
            put_foreign(store, name, Secret("value"))
        view = desk.service.refresh("dev")
        assert desk.names("dev") == ["bybit"]
        assert view.emergency == (BYBIT,)
        assert view.foreign == ("mm-bot/dev/grafana/token", "mm-bot/dev/x")
        assert view.counts.credentials == 1

    def test_three_parts_are_one_row_and_a_missing_one_is_seen(self, desk: Desk) -> None:
        desk.save(KUCOIN)
        assert (desk.row(KUCOIN).pair_state, len(desk.service.view("dev").rows)) == (PairState.PAIRED, 1)
        del desk.inner["dev"]._entries[secret_name(KUCOIN, "api_passphrase")]
        desk.service.refresh("dev")
        assert desk.row(KUCOIN).condition is Condition.INCOMPLETE

    def test_what_is_deleted_is_last_and_counts_for_nothing(self, desk: Desk) -> None:
        desk.save(BYBIT)
        desk.save(OKX)
        desk.service.delete(BYBIT)
        view = desk.service.refresh("dev")
        assert desk.names("dev") == ["okx", "bybit"]
        assert desk.row(BYBIT).condition is Condition.DELETED
        assert desk.row(BYBIT).deleted_at == START
        assert view.counts.credentials == 1

    def test_no_value_is_read_but_the_freeze_record(self, desk: Desk) -> None:
        desk.save(BYBIT)
        desk.stores["dev"].calls.clear()
        desk.service.refresh("dev")
        assert desk.stores["dev"].calls == {"identity": 1, "list_metadata": 1, "read_current": 1}


class TestFailure:
    @pytest.mark.parametrize(
        ("error", "state"),
        [
            (Denied, EnvironmentState.DENIED),
            (IdentityProblem, EnvironmentState.DENIED),
            (WrongAccount, EnvironmentState.DENIED),
            (Unsupported, EnvironmentState.DENIED),
            (Unreachable, EnvironmentState.UNREACHABLE),
            (Throttled, EnvironmentState.UNREACHABLE),
            (GarbledAnswer, EnvironmentState.UNREACHABLE),
            (SettingsError, EnvironmentState.UNREACHABLE),
        ],
    )
    @pytest.mark.parametrize("operation", ["list_metadata", ALL])
    def test_it_is_part_of_the_view_and_the_old_rows_stay(
        self, desk: Desk, error: type[CoreError], state: EnvironmentState, operation: str
    ) -> None:
        desk.save(BYBIT)
        before = desk.service.view("dev")
        desk.clock.forward(minutes=7)
        failure = error("It did not work.")
        desk.stores["dev"].fails[operation] = failure
        if operation == "list_metadata" and error is Denied:
            desk.stores["dev"].fails[ALL] = failure  # else the known names are probed
        view = desk.service.refresh("dev")
        assert (view.state, view.problem) == (state, failure)
        assert (view.rows, view.counts, view.listed_at) == (before.rows, before.counts, START)
        assert view.identity == before.identity
        desk.stores["dev"].fails.clear()
        again = desk.service.refresh("dev")
        assert (again.state, again.problem, again.listed_at) == (EnvironmentState.READY, None, desk.clock.now)

    def test_secrets_are_shown_where_nobody_can_be_asked_who_acts(self, desk: Desk) -> None:
        desk.save(BYBIT)
        desk.stores["dev"].fails["identity"] = Unreachable("STS does not answer.")
        view = desk.service.refresh("dev")
        assert (view.state, view.identity, desk.names("dev")) == (EnvironmentState.READY, None, ["bybit"])
        assert "STS does not answer." in view.notices[0]
        desk.stores["dev"].fails["identity"] = IdentityProblem("Signed out.")
        assert desk.service.refresh("dev").state is EnvironmentState.DENIED

    def test_at_first_there_is_nothing_to_keep(self, desk: Desk) -> None:
        desk.stores["dev"].fails[ALL] = Unreachable("Dark.")
        view = desk.service.refresh("dev")
        assert (view.state, view.rows, view.listed_at) == (EnvironmentState.UNREACHABLE, (), None)

    def test_a_store_that_cannot_be_opened(self) -> None:
        desk = Desk(variables={"GITHUB_ACTIONS": "1"})

        def closed(_: object) -> None:
            raise Refused("Not from CI.", guard="ci")

        desk.service._environments._open = closed  # type: ignore[assignment]  # what opening does in a CI job
        assert desk.service.refresh("prod").state is EnvironmentState.DENIED

    def test_a_freeze_record_that_cannot_be_read_hides_no_rows(self, desk: Desk) -> None:
        desk.save(BYBIT)
        for error in (Denied("You may not."), Unreachable("Dark."), Throttled("Slower.")):
            desk.stores["dev"].fails["read_current"] = error
            view = desk.service.refresh("dev")
            assert (view.state, desk.names("dev")) == (EnvironmentState.READY, ["bybit"])
            assert view.freeze is not None
            assert view.freeze.record is None
            assert error.message in view.freeze.reason

    @pytest.mark.parametrize("hung", [None, Unreachable("Dark.")], ids=["with old rows", "with a failure"])
    def test_an_answer_that_was_overtaken_is_dropped(self, desk: Desk, hung: CoreError | None) -> None:
        """A refresh that hangs must not put its old rows, or its failure, over what a later one has found."""
        desk.save(BYBIT)
        store = desk.stores["dev"]
        old = desk.inner["dev"].list_metadata("mm-bot/dev/")

        def hang(operation: str) -> None:
            if operation == "list_metadata":
                store.before = lambda operation: None
                desk.clock.forward(seconds=30)
                desk.save(OKX)
                store.listing = lambda rows: old
                if hung is not None:
                    store.fails["list_metadata"] = hung

        store.before = hang
        view = desk.service.refresh("dev")
        assert (view.state, view.problem, view.listed_at) == (EnvironmentState.READY, None, desk.clock.now)
        assert desk.names("dev") == ["bybit", "okx"]


class TestDeniedListing:
    def test_known_names_are_probed(self) -> None:
        desk = Desk("dev", exchanges=["bybit", "kucoin@mm1", "gate"])
        desk.save(BYBIT)
        desk.save(KUCOIN)
        desk.save(OKX)
        desk.stores["dev"].fails["list_metadata"] = Denied("You may not list.")
        fresh = Desk("dev", exchanges=["bybit", "kucoin@mm1", "gate"])
        fresh.stores["dev"].inner = desk.stores["dev"]
        view = fresh.service.refresh("dev")
        assert (view.state, view.partial) == (EnvironmentState.READY, True)
        assert sorted(fresh.names("dev")) == ["bybit", "kucoin@mm1"]
        assert {row.pair_state for row in view.rows} == {PairState.PAIRED}

    def test_what_was_seen_before_is_known(self) -> None:
        desk = Desk("dev")
        desk.save(BYBIT)
        assert not desk.service.view("dev").partial
        desk.stores["dev"].fails["list_metadata"] = Denied("You may not list.")
        for _ in range(2):
            view = desk.service.refresh("dev")
            assert (view.partial, desk.names("dev")) == (True, ["bybit"])

    def test_where_nothing_is_known_it_is_denied(self) -> None:
        desk = Desk("dev")
        desk.stores["dev"].fails["list_metadata"] = Denied("You may not list.")
        assert desk.service.refresh("dev").state is EnvironmentState.DENIED

    def test_a_known_name_that_may_not_be_seen_hides_no_other(self) -> None:
        """Rights to some exchanges alone are the usual case where listing is denied: AWS denies the rest by name."""
        desk = Desk("dev", exchanges=["bybit", "gate", "okx"])
        desk.save(BYBIT)
        store = desk.stores["dev"]
        store.fails["list_metadata"] = Denied("You may not list.")
        for exchange in ("gate", "okx"):
            store.fails["describe", secret_name(CredentialRef("dev", exchange), LEADER)] = Denied("Nor see this.")
        view = desk.service.refresh("dev")
        assert (view.state, view.partial, desk.names("dev")) == (EnvironmentState.READY, True, ["bybit"])

    def test_where_every_known_name_is_denied_it_is_denied(self) -> None:
        desk = Desk("dev", exchanges=["bybit", "okx"])
        desk.stores["dev"].fails |= {"list_metadata": Denied("No list."), "describe": Denied("No look.")}
        view = desk.service.refresh("dev")
        assert view.state is EnvironmentState.DENIED

    def test_any_other_failure_of_a_probe_is_that_failure(self) -> None:
        desk = Desk("dev", exchanges=["bybit"])
        desk.stores["dev"].fails |= {"list_metadata": Denied("No list."), "describe": Unreachable("Dark.")}
        assert desk.service.refresh("dev").state is EnvironmentState.UNREACHABLE


class TestTorn:
    """A listing lags and hides versions without a label, so it alone is never believed when it says torn."""

    def lagging(self, desk: Desk) -> None:
        """Let the listing show the leader's next version and not yet the followers'."""
        later = new_version_id(START + DAY)

        def stale(rows: list[SecretMetadata]) -> list[SecretMetadata]:
            return [replace(m, stages={CURRENT: later}) if m.name.endswith(LEADER) else m for m in rows]

        desk.stores["dev"].listing = stale

    def test_a_listing_that_lags(self, desk: Desk) -> None:
        desk.save(BYBIT)
        self.lagging(desk)
        desk.service.refresh("dev")
        assert desk.row(BYBIT).condition is Condition.FRESH

    def test_a_version_without_a_label_proves_that_it_is_not(self, desk: Desk) -> None:
        desk.save(BYBIT)
        store, leader, follower = desk.inner["dev"], secret_name(BYBIT, LEADER), secret_name(BYBIT, "api_secret")
        version = new_version_id(START)
        for name in (follower, leader):
            store.put(name, version, Secret("next"), [PENDING])
        store.move_stage(leader, CURRENT, to=version, expected=store.describe(leader).current)
        store.move_stage(follower, PENDING, to=None, expected=version)
        desk.service.refresh("dev")
        assert desk.row(BYBIT).condition is Condition.MID_PROMOTION

    def test_what_is_torn_is_said_to_be(self, desk: Desk) -> None:
        desk.save(BYBIT)
        put_foreign(desk.inner["dev"], secret_name(BYBIT, LEADER), Secret("other"))
        view = desk.service.refresh("dev")
        assert desk.row(BYBIT).condition is Condition.TORN
        assert view.counts.torn == 1

    def test_what_is_gone_by_then_is_no_row(self, desk: Desk) -> None:
        desk.save(BYBIT)
        desk.save(OKX)
        listed = desk.inner["dev"].list_metadata("mm-bot/dev/")
        self.lagging(desk)
        stale = desk.stores["dev"].listing
        desk.stores["dev"].listing = lambda _: stale(listed)
        for part in ("api_key", "api_secret"):
            del desk.inner["dev"]._entries[secret_name(BYBIT, part)]
        desk.service.refresh("dev")
        assert desk.names("dev") == ["okx"]

    def test_where_it_may_not_be_looked_at_the_others_are_still_shown(self, desk: Desk) -> None:
        desk.save(BYBIT)
        desk.save(OKX)
        put_foreign(desk.inner["dev"], secret_name(BYBIT, LEADER), Secret("other"))
        desk.stores["dev"].fails["describe", secret_name(BYBIT, LEADER)] = Denied("You may not.")
        view = desk.service.refresh("dev")
        assert view.state is EnvironmentState.READY
        assert desk.row(BYBIT).condition is Condition.TORN
        assert desk.row(OKX).condition is Condition.FRESH


class TestLegacyAges:
    def test_a_listing_alone_gives_an_upper_bound(self, desk: Desk) -> None:
        desk.save_foreign(BYBIT)
        desk.clock.forward(days=100)
        desk.service.refresh("dev")
        row = desk.row(BYBIT)
        assert (row.age.status, row.age.source) == (AgeStatus.UNKNOWN, AgeSource.AT_MOST)

    def test_a_look_up_finds_it_once_and_for_all(self, desk: Desk) -> None:
        desk.save_foreign(BYBIT, 1)
        desk.clock.forward(days=50)
        desk.save_foreign(BYBIT, 2)
        desk.clock.forward(days=41)
        desk.service.refresh("dev")
        view = desk.service.look_up_age(BYBIT)
        assert (desk.row(BYBIT).age.days, desk.row(BYBIT).age.source) == (41, AgeSource.BACKEND)
        assert view.counts.unknown == 0
        desk.stores["dev"].calls.clear()
        desk.clock.forward(days=1)
        desk.service.refresh("dev")
        assert (desk.row(BYBIT).age.days, desk.row(BYBIT).condition) == (42, Condition.LEGACY)
        assert "list_versions" not in desk.stores["dev"].calls

    def test_the_oldest_of_its_parts_decides(self, desk: Desk) -> None:
        desk.save_foreign(BYBIT)
        desk.clock.forward(days=95)
        put_foreign(desk.inner["dev"], secret_name(BYBIT, "api_secret"), Secret("newer"))
        desk.service.refresh("dev")
        desk.service.look_up_age(BYBIT)
        assert desk.row(BYBIT).age.days == 95
        assert desk.row(BYBIT).condition is Condition.OVERDUE

    def test_another_version_is_looked_up_anew(self, desk: Desk) -> None:
        desk.save_foreign(BYBIT, 1)
        desk.service.refresh("dev")
        desk.service.look_up_age(BYBIT)
        desk.clock.forward(days=10)
        desk.save_foreign(BYBIT, 2)
        desk.service.refresh("dev")
        assert desk.row(BYBIT).age.source is AgeSource.AT_MOST

    def test_a_look_up_gives_torn_parts_no_age(self, desk: Desk) -> None:
        desk.save(BYBIT)
        put_foreign(desk.inner["dev"], secret_name(BYBIT, LEADER), Secret("other"))
        desk.service.refresh("dev")
        desk.service.look_up_age(BYBIT)
        assert desk.row(BYBIT).pair_state is PairState.TORN
        assert desk.row(BYBIT).age.status is AgeStatus.UNKNOWN

    def test_of_what_is_not_there_nothing_is_found(self, desk: Desk) -> None:
        desk.service.refresh("dev")
        assert desk.service.look_up_age(BYBIT).rows == ()

    def test_before_the_first_listing_it_changes_nothing(self, desk: Desk) -> None:
        desk.save_foreign(BYBIT)
        assert desk.service.look_up_age(BYBIT).state is EnvironmentState.CONNECTING


class TestFrozen:
    def test_a_hold_is_on_the_rows_it_covers(self, desk: Desk) -> None:
        desk.save(BYBIT)
        desk.save(OKX)
        write_freeze(desk.inner["dev"], holds={"inc-1": {"scope": ["bybit"], "codename": "amber-fox"}})
        view = desk.service.refresh("dev")
        assert desk.names("dev") == ["bybit", "okx"]
        assert (desk.row(BYBIT).condition, desk.row(OKX).hold) == (Condition.FROZEN, None)
        assert view.frozen is not None
        assert view.frozen.codename == "amber-fox"
        assert view.counts.frozen == 1

    def test_a_hold_on_everything_is_the_one_to_show(self, desk: Desk) -> None:
        holds = {"inc-1": {"scope": ["bybit"]}, "inc-2": {"scope": ["*"]}, "inc-3": {"scope": ["okx"]}}
        write_freeze(desk.inner["dev"], holds=holds)
        view = desk.service.refresh("dev")
        assert view.frozen is not None
        assert view.frozen.incident == "inc-2"

    def test_a_thaw_takes_it_away(self, desk: Desk) -> None:
        desk.save(BYBIT)
        write_freeze(desk.inner["dev"], holds={"inc-1": {"scope": ["*"]}})
        desk.service.refresh("dev")
        write_freeze(desk.inner["dev"])
        view = desk.service.refresh("dev")
        assert (view.frozen, desk.row(BYBIT).condition) == (None, Condition.FRESH)


def test_values_of_the_desk_are_complete() -> None:
    assert set(values(KUCOIN)) == {"api_key", "api_secret", "api_passphrase"}
