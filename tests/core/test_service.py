"""The one door: who is refused and in which order, how long a lift lasts, what a change leaves, whose a key is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from secrets_core.errors import (
    AlreadyExists,
    Conflict,
    CoreError,
    Denied,
    InvalidName,
    NotFound,
    Refused,
    SettingsError,
    Unreachable,
)
from secrets_core.names import FINGERPRINT, FREEZE, LEADER, CredentialRef, control_name, secret_name
from secrets_core.pairs import PairState
from secrets_core.policy import CI_VARIABLES
from secrets_core.secret import Secret
from secrets_core.service import LIFT_LASTS, Service
from secrets_core.settings import EnvironmentSettings, Settings
from secrets_core.stores.base import PENDING
from secrets_core.stores.memory import MemoryStore
from secrets_core.versions import new_version_id, tail
from secrets_core.views import Action, Condition, Match
from tests.canary import Canary
from tests.core.desk import ALL, Desk, values
from tests.pairs.support import START, put_foreign, write_freeze

DEV, PROD, KUCOIN = CredentialRef("dev", "bybit"), CredentialRef("prod", "bybit"), CredentialRef("dev", "kucoin@mm1")
CHANGES: dict[Action, Callable[[Service, CredentialRef], object]] = {
    Action.SAVE: lambda service, ref: service.save(ref, values(ref, 9)),
    Action.ROTATE: lambda service, ref: service.rotate(ref, values(ref, 9)),
    Action.ROLLBACK: lambda service, ref: service.roll_back(ref),
    Action.ADOPT: lambda service, ref: service.adopt(ref),
    Action.REPAIR: lambda service, ref: service.repair(ref),
    Action.DELETE: lambda service, ref: service.delete(ref),
    Action.RESTORE: lambda service, ref: service.restore(ref),
    Action.INIT: lambda service, ref: service.initialise(ref.environment),
}


def guard(desk: Desk, action: Action, ref: CredentialRef) -> str | None:
    reason = desk.service.refusal(action, ref.environment if action is Action.INIT else ref)
    return reason.guard if reason else None


class TestEnvironments:
    def test_the_four_where_settings_name_none(self) -> None:
        assert Service(Settings(), variables={}).environments == ("dev", "shadow", "soak", "prod")

    def test_those_that_settings_name(self) -> None:
        assert Desk("paper", "prod").service.environments == ("paper", "prod")

    def test_a_look_at_another_one_adds_none(self) -> None:
        desk = Desk("dev")
        desk.service.view("staging")
        desk.service.refusal(Action.SAVE, CredentialRef("staging", "bybit"))
        assert desk.service.environments == ("dev",)
        assert desk.service.environment_settings("staging").policy.mode == "strict"

    def test_a_name_that_does_not_belong(self) -> None:
        with pytest.raises(InvalidName):
            Desk().service.view("../prod")

    def test_an_unknown_backend_is_an_error_before_anything_is_opened(self) -> None:
        for arguments in ({"backend": "sqlite"}, {"variables": {"SECRETS_BACKEND": "sqlite"}}):
            with pytest.raises(SettingsError):
                Service(Settings(), **{"variables": {}, **arguments})  # type: ignore[arg-type]  # by name

    def test_stores_are_opened_once_and_not_before_they_are_used(self) -> None:
        desk = Desk()
        desk.service.refusal(Action.SAVE, PROD)
        desk.service.view("prod")
        assert desk.opened == []
        gate = threading.Barrier(4, timeout=20)

        def use() -> None:
            gate.wait()
            desk.service.connect("dev")

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert desk.opened == ["dev"]


class TestOrderOfRefusals:
    """Binding, then CI, then read-only, then what the listing says."""

    VARIABLES = {"MM_ENV": "dev", "GITHUB_ACTIONS": "true"}

    @pytest.mark.parametrize("action", CHANGES)
    @pytest.mark.parametrize(
        ("variables", "lifted", "expected"),
        [
            (VARIABLES, False, "bound"),
            (VARIABLES, True, "bound"),
            ({"MM_ENV": "prod", "GITHUB_ACTIONS": "true"}, False, "ci"),
            ({"MM_ENV": "prod", "GITHUB_ACTIONS": "true"}, True, "ci"),
            ({"MM_ENV": "prod"}, False, "read-only"),
            ({"CI": "true"}, False, "read-only"),
        ],
    )
    def test_the_first_guard_is_the_one_that_is_named(
        self, action: Action, variables: dict[str, str], lifted: bool, expected: str
    ) -> None:
        desk = Desk(variables=variables)
        desk.service.refresh("prod")
        if lifted:
            desk.service.lift_read_only("prod")
        assert guard(desk, action, PROD) == expected

    @pytest.mark.parametrize("action", [action for action in CHANGES if action not in (Action.SAVE, Action.INIT)])
    def test_the_listing_comes_last(self, action: Action) -> None:
        desk = Desk()
        desk.service.lift_read_only("prod")
        assert guard(desk, action, PROD) is None, "nothing was listed yet: the store will tell"
        desk.service.refresh("prod")
        assert guard(desk, action, PROD) == "not-found"

    def test_a_failed_listing_is_no_listing(self) -> None:
        desk = Desk()
        desk.stores["dev"].fails[ALL] = Unreachable("Dark.")
        desk.service.refresh("dev")
        assert guard(desk, Action.ROTATE, DEV) is None

    def test_a_listing_of_known_names_does_not_prove_that_another_is_not_there(self) -> None:
        desk = Desk(exchanges=["okx"])
        desk.stores["dev"].fails["list_metadata"] = Denied("You may not list.")
        desk.save(DEV)
        assert desk.service.refresh("dev").partial
        assert guard(desk, Action.ROTATE, DEV) is None
        assert desk.service.rotate(DEV, values(DEV, 2)).version_id

    def test_reading_is_no_change(self) -> None:
        assert guard(Desk(), Action.FETCH, PROD) is None
        assert guard(Desk(variables={"MM_ENV": "dev"}), Action.FETCH, PROD) == "bound"
        assert guard(Desk(variables={"BUILDKITE": "1"}), Action.FETCH, PROD) == "ci"
        desk = Desk()
        desk.save(DEV)
        write_freeze(desk.inner["dev"], holds={"inc-1": {"scope": ["*"]}})
        desk.service.refresh("dev")
        assert guard(desk, Action.FETCH, DEV) is None, "the provider knows who may still read"
        assert guard(desk, Action.ROTATE, DEV) == "frozen"

    def test_the_command_line_counts_a_bare_ci_as_well(self) -> None:
        desk = Desk(variables={"CI": "true"}, ci_markers=("CI", *CI_VARIABLES))
        assert guard(desk, Action.FETCH, PROD) == "ci"
        assert guard(desk, Action.FETCH, DEV) is None

    @pytest.mark.parametrize("action", CHANGES)
    @pytest.mark.parametrize("variables", [{"MM_ENV": "dev"}, {"TF_BUILD": "1"}, {}], ids=["bound", "ci", "read-only"])
    def test_what_is_refused_touches_no_store(self, action: Action, variables: dict[str, str]) -> None:
        desk = Desk(variables=variables)
        with pytest.raises(Refused) as caught:
            CHANGES[action](desk.service, PROD)
        assert caught.value.guard == guard(desk, action, PROD)
        assert caught.value.hint
        assert desk.opened == []

    def test_a_reading_that_is_refused_touches_no_store(self) -> None:
        desk = Desk(variables={"MM_ENV": "dev"})
        with pytest.raises(Refused):
            desk.service.fetch(PROD)
        assert desk.opened == []


class TestReadOnly:
    def test_prod_is_and_the_others_are_not(self) -> None:
        service = Desk("dev", "shadow", "soak", "prod", "paper").service
        assert [name for name in service.environments if service.is_read_only(name)] == ["prod"]
        assert service.view("prod").read_only

    def test_memory_never_is(self) -> None:
        desk = Desk(backend="memory")
        assert not desk.service.is_read_only("prod")
        desk.service.save(PROD, values(PROD))

    def test_settings_may_say_otherwise(self) -> None:
        assert not Desk(read_only=False).service.is_read_only("prod")
        assert Desk(read_only=True).service.is_read_only("dev")

    def test_a_lift_lapses_after_fifteen_idle_minutes(self) -> None:
        desk = Desk()
        desk.service.refresh("prod")
        until = desk.service.lift_read_only("prod")
        assert until == START + timedelta(minutes=15) == START + LIFT_LASTS
        desk.clock.forward(minutes=15, microseconds=-1)
        assert not desk.service.is_read_only("prod")
        assert not desk.service.view("prod").read_only
        desk.clock.forward(microseconds=1)
        assert desk.service.is_read_only("prod")
        assert desk.service.view("prod").read_only
        with pytest.raises(Refused, match="read-only"):
            desk.service.save(PROD, values(PROD))
        assert desk.inner["prod"].list_secrets() == []

    @pytest.mark.parametrize("action", [Action.SAVE, Action.INIT])
    def test_every_change_renews_it(self, action: Action) -> None:
        desk = Desk()
        desk.service.lift_read_only("prod")
        desk.clock.forward(minutes=14)
        CHANGES[action](desk.service, PROD)
        desk.clock.forward(minutes=14)
        assert not desk.service.is_read_only("prod")
        desk.clock.forward(minutes=1)
        assert desk.service.is_read_only("prod")

    def test_a_change_that_fails_does_not(self) -> None:
        desk = Desk()
        desk.service.lift_read_only("prod")
        desk.clock.forward(minutes=14)
        with pytest.raises(NotFound):
            desk.service.rotate(PROD, values(PROD))
        desk.clock.forward(minutes=1)
        assert desk.service.is_read_only("prod")

    def test_neither_does_a_look(self) -> None:
        desk = Desk()
        desk.save(PROD)
        desk.clock.forward(minutes=14)
        desk.service.refresh("prod")
        desk.service.history(PROD)
        desk.service.verify(PROD, values(PROD))
        desk.service.view("prod")
        desk.clock.forward(minutes=1)
        assert desk.service.is_read_only("prod")

    def test_a_change_elsewhere_does_not(self) -> None:
        desk = Desk("dev", "prod", "live", read_only=True)
        for name in ("dev", "prod"):
            desk.service.lift_read_only(name)
        desk.clock.forward(minutes=14)
        desk.service.save(DEV, values(DEV))
        desk.clock.forward(minutes=2)
        assert [desk.service.is_read_only(name) for name in ("dev", "prod", "live")] == [False, True, True]

    def test_a_change_where_nothing_was_lifted_lifts_nothing(self) -> None:
        desk = Desk()
        desk.save(DEV)
        assert desk.service.is_read_only("prod")


class TestChanges:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk("dev")

    @pytest.mark.parametrize("ref", [DEV, KUCOIN], ids=["two parts", "three parts"])
    def test_from_first_to_last(self, desk: Desk, ref: CredentialRef) -> None:
        service = desk.service
        first = service.save(ref, values(ref, 1), ip_bound=True)
        service.refresh("dev")
        row = desk.row(ref)
        assert (first.action, row.version_id, row.by, row.why) == (Action.SAVE, first.version_id, "alice@desk", "first")
        assert (row.ip_bound, row.pair_state, bool(row.fingerprint)) == (True, PairState.PAIRED, True)
        desk.clock.forward(days=3)
        second = service.rotate(ref, values(ref, 2), why="suspected", expected=first.version_id)
        service.refresh("dev")
        assert (desk.row(ref).version_id, desk.row(ref).why) == (second.version_id, "suspected")
        assert desk.row(ref).age.days == 0
        back = service.roll_back(ref)
        service.refresh("dev")
        assert (back.version_id, desk.row(ref).version_id, desk.row(ref).age.days) == (*[first.version_id] * 2, 3)
        assert service.delete(ref, 7).action is Action.DELETE
        service.refresh("dev")
        assert desk.row(ref).condition is Condition.DELETED
        service.restore(ref)
        service.refresh("dev")
        assert desk.row(ref).condition is Condition.FRESH
        assert service.fetch(ref).api_key == values(ref, 1)[LEADER]

    def test_adopt(self, desk: Desk) -> None:
        desk.save_foreign(DEV)
        desk.clock.forward(days=20)
        desk.service.refresh("dev")
        done = desk.service.adopt(DEV)
        desk.service.refresh("dev")
        row = desk.row(DEV)
        assert (row.pair_state, row.version_id, row.age.days, row.why) == (
            *(PairState.PAIRED, done.version_id),
            *(20, "adopted"),
        )

    def test_repair(self, desk: Desk) -> None:
        desk.save(DEV)
        staged = new_version_id(START)
        desk.inner["dev"].put(secret_name(DEV, LEADER), staged, Secret("next"), [PENDING])
        desk.clock.forward(minutes=16)
        desk.service.refresh("dev")
        assert desk.row(DEV).condition is Condition.PENDING
        assert desk.service.repair(DEV).done
        desk.service.refresh("dev")
        assert desk.row(DEV).condition is Condition.FRESH

    def test_initialise_makes_what_is_missing_and_nothing_twice(self, desk: Desk) -> None:
        for _ in range(2):
            desk.service.initialise("dev")
        names = [control_name("dev", record) for record in (FINGERPRINT, FREEZE)]
        assert desk.inner["dev"].list_secrets() == names
        assert [len(desk.inner["dev"].list_versions(name)) for name in names] == [1, 1]

    def test_a_second_operator_is_told(self, desk: Desk) -> None:
        (first,) = desk.save(DEV)
        desk.service.rotate(DEV, values(DEV, 2))
        with pytest.raises(Conflict):
            desk.service.rotate(DEV, values(DEV, 3), expected=first)

    def test_the_same_values_again(self, desk: Desk) -> None:
        desk.save(DEV, 1)
        with pytest.raises(AlreadyExists):
            desk.service.rotate(DEV, values(DEV, 1))

    def test_without_the_environments_key_it_is_done_and_said(self, desk: Desk) -> None:
        desk.service.initialise("dev")
        desk.service._environments["dev"].fingerprint_key = None  # another process: it has not read the key yet
        store = desk.inner["dev"]
        desk.stores["dev"].fails["read_current", control_name("dev", FINGERPRINT)] = Denied("You may not.")
        done = desk.service.save(DEV, values(DEV))
        assert "fingerprint" in done.notices[0]
        assert store.describe(secret_name(DEV, LEADER)).current == done.version_id

    def test_where_nobody_can_be_asked_who_acts_it_is_the_user_of_this_machine(self, desk: Desk) -> None:
        desk.stores["dev"].fails["identity"] = Unreachable("STS does not answer.")
        desk.service.save(DEV, values(DEV))
        desk.service.refresh("dev")
        assert "@" in desk.row(DEV).by
        assert desk.row(DEV).by != "alice@desk"

    def test_the_policy_of_settings_decides_who_is_handed_a_legacy_pair(self) -> None:
        for rule, refused in (("refuse", True), ("allow", False)):
            desk = Desk("dev", legacy_pairs=rule)
            desk.save_foreign(DEV)
            if refused:
                with pytest.raises(Refused):
                    desk.service.fetch(DEV)
            else:
                assert desk.service.fetch(DEV).api_key == values(DEV)[LEADER]

    def test_the_services_own_variables_bind_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MM_ENV", "prod")
        desk = Desk("dev")
        desk.save(DEV)
        assert desk.service.fetch(DEV).version_id

    def test_of_what_was_just_changed_the_old_listing_judges_nothing(self, desk: Desk) -> None:
        desk.service.refresh("dev")
        desk.service.save(DEV, values(DEV, 1))
        desk.service.rotate(DEV, values(DEV, 2))
        desk.service.delete(DEV)
        desk.service.restore(DEV)
        desk.service.refresh("dev")
        assert guard(desk, Action.RESTORE, DEV) == "state"

    def test_nor_of_what_was_changed_in_part(self, desk: Desk) -> None:
        desk.save(DEV)
        desk.stores["dev"].fails["delete", secret_name(DEV, "api_secret")] = Unreachable("Dark.")
        with pytest.raises(Unreachable):
            desk.service.delete(DEV)
        desk.service.restore(DEV)
        desk.service.refresh("dev")
        assert desk.row(DEV).condition is Condition.FRESH

    def test_a_listing_that_began_before_the_change_does_not_judge_it_either(self, desk: Desk) -> None:
        desk.service.refresh("dev")
        store = desk.stores["dev"]

        def change(operation: str) -> None:
            if operation == "list_metadata":
                store.before = lambda operation: None
                store.listing = lambda rows: []
                desk.service.save(DEV, values(DEV))

        store.before = change
        desk.service.refresh("dev")
        assert guard(desk, Action.ROTATE, DEV) is None
        store.listing = list
        desk.service.refresh("dev")
        assert guard(desk, Action.SAVE, DEV) == "state"

    @pytest.mark.parametrize("operation", ["put", "create", "tag", "move_stage AWSCURRENT"])
    def test_no_failure_holds_a_value(self, desk: Desk, operation: str, canary: Canary) -> None:
        desk.save(DEV)
        secret = {LEADER: Secret(canary.api_key), "api_secret": Secret(canary.api_secret)}
        desk.stores["dev"].fails[operation] = Unreachable("Dark.")
        other = CredentialRef("dev", "okx@a")
        threefold = {**secret, "api_passphrase": Secret(canary.api_passphrase)}
        change = partial(desk.service.rotate, DEV, secret)
        if operation == "create":
            change = partial(desk.service.save, other, threefold)
        with pytest.raises(CoreError) as caught:
            change()
        error: BaseException | None = caught.value
        while error is not None:
            found = canary.leaks_in(f"{error} {error!r} {error.__dict__}")
            assert found == []
            error = error.__context__


class TestFindKey:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk("dev", "shadow", "prod")

    def find(self, desk: Desk, ref: CredentialRef, serial: int) -> Any:
        return desk.service.find_key(values(ref, serial)[LEADER])

    def listed(self, desk: Desk) -> None:
        for name in desk.service.environments:
            desk.service.lift_read_only(name)
            desk.service.initialise(name)
            desk.service.refresh(name)

    def test_current_and_older_ones_in_every_environment(self, desk: Desk) -> None:
        shadow = CredentialRef("shadow", "bybit")
        self.listed(desk)
        first, second = desk.save(DEV, 1, 2)
        (same,) = desk.save(shadow, 1)
        older = self.find(desk, DEV, 1)
        assert older.matches == (Match(shadow, tail(same), True), Match(DEV, tail(first), False))
        assert self.find(desk, DEV, 2).matches == (Match(DEV, tail(second), True),)
        assert self.find(desk, DEV, 3).matches == ()
        assert older.unchecked == ()

    def test_no_value_is_read_but_the_environments_own_keys(self, desk: Desk) -> None:
        self.listed(desk)
        desk.save(DEV)
        for store in desk.stores.values():
            store.calls.clear()
        assert self.find(desk, DEV, 1).matches
        assert all(not store.calls for store in desk.stores.values())

    def test_a_passed_secret_is_no_key(self, desk: Desk) -> None:
        self.listed(desk)
        desk.save(DEV)
        assert desk.service.find_key(values(DEV)["api_secret"]).matches == ()

    def test_what_could_not_be_searched_is_named(self, desk: Desk) -> None:
        desk.save(DEV)
        desk.stores["prod"].fails[ALL] = Unreachable("Dark.")
        found = self.find(desk, DEV, 1)
        assert [match.ref for match in found.matches] == [DEV]
        assert dict(found.unchecked) == {"shadow": "it has no fingerprint key yet", "prod": "Dark."}
        desk.stores["prod"].fails.clear()
        desk.service.lift_read_only("prod")
        desk.service.initialise("prod")
        assert dict(self.find(desk, DEV, 1).unchecked)["prod"] == "not listed yet"

    def test_what_was_never_fingerprinted_is_said(self, desk: Desk) -> None:
        """Else "nobody's" would be said of a key that a legacy credential holds."""
        self.listed(desk)
        desk.save(DEV)
        desk.save_foreign(CredentialRef("dev", "okx"))
        desk.service.refresh("dev")
        found = self.find(desk, DEV, 7)
        assert found.unchecked == (("dev", "1 of its credentials has no fingerprint"),)
        desk.save_foreign(CredentialRef("dev", "kraken"))
        desk.service.refresh("dev")
        assert self.find(desk, DEV, 7).unchecked == (("dev", "2 of its credentials have no fingerprint"),)

    def test_a_search_among_known_names_alone_is_said(self, desk: Desk) -> None:
        self.listed(desk)
        desk.save(DEV)
        desk.stores["dev"].fails["list_metadata"] = Denied("You may not list.")
        desk.service.refresh("dev")
        found = self.find(desk, DEV, 1)
        assert [match.ref for match in found.matches] == [DEV]
        assert found.unchecked == (("dev", "only its known credentials were looked at"),)

    def test_rows_of_a_listing_that_now_fails_are_still_searched(self, desk: Desk) -> None:
        self.listed(desk)
        desk.save(DEV)
        desk.stores["dev"].fails[ALL] = Unreachable("Dark.")
        desk.service.refresh("dev")
        assert [match.ref for match in self.find(desk, DEV, 1).matches] == [DEV]

    def test_an_environment_that_turns_up_meanwhile_is_no_error(self, desk: Desk) -> None:
        self.listed(desk)
        desk.service._environments["dev"].fingerprint_key = None

        def look_elsewhere(_operation: str) -> None:
            desk.service.view("staging")

        desk.stores["dev"].before = look_elsewhere
        assert self.find(desk, DEV, 1).matches == ()


class TestVerify:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk("dev")

    def test_current_older_and_none(self, desk: Desk) -> None:
        first, second = desk.save(DEV, 1, 2)
        assert desk.service.verify(DEV, values(DEV, 2)) == Match(DEV, tail(second), True)
        assert desk.service.verify(DEV, values(DEV, 1)) == Match(DEV, tail(first), False)
        assert desk.service.verify(DEV, values(DEV, 3)) is None

    def test_the_whole_of_it_must_be_the_same(self, desk: Desk) -> None:
        desk.save(KUCOIN, 1)
        mixed = values(KUCOIN, 1) | {"api_passphrase": Secret("another one")}
        assert desk.service.verify(KUCOIN, mixed) is None

    def test_what_is_current_counts_where_values_came_back(self, desk: Desk) -> None:
        first, _ = desk.save(DEV, 1, 2)
        again = desk.service.rotate(DEV, values(DEV, 1)).version_id
        assert again is not None
        assert again != first
        assert desk.service.verify(DEV, values(DEV, 1)) == Match(DEV, tail(again), True)

    def test_no_value_of_the_credential_is_read(self, desk: Desk) -> None:
        desk.save(DEV)
        for part in values(DEV):
            desk.stores["dev"].fails["read_current", secret_name(DEV, part)] = Denied("You may not.")
        assert desk.service.verify(DEV, values(DEV)) is not None

    @pytest.mark.parametrize("how", ["missing", "legacy", "no key"])
    def test_where_nothing_is_recorded_it_says_so(self, desk: Desk, how: str) -> None:
        if how == "legacy":
            desk.service.initialise("dev")
            desk.save_foreign(DEV)
        elif how == "no key":
            desk.save_foreign(DEV)
        with pytest.raises(NotFound):
            desk.service.verify(DEV, values(DEV))


class TestHistory:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk("dev")

    def test_newest_first_with_labels_and_who(self, desk: Desk) -> None:
        desk.service.save(DEV, values(DEV, 1))
        desk.clock.forward(days=5)
        desk.service.rotate(DEV, values(DEV, 2), why="suspected")
        newest, oldest = desk.service.history(DEV)
        assert (newest.stages, oldest.stages) == (("AWSCURRENT",), ("AWSPREVIOUS",))
        assert (newest.why, oldest.why, newest.by) == ("suspected", "first", "alice@desk")
        assert (newest.born, oldest.born) == (START + timedelta(days=5), START)
        assert newest.complete
        assert oldest.complete
        assert newest.fingerprint != oldest.fingerprint

    def test_a_version_that_not_every_part_has_cannot_be_gone_back_to(self, desk: Desk) -> None:
        desk.save(DEV)
        put_foreign(desk.inner["dev"], secret_name(DEV, LEADER), Secret("other"))
        newest, oldest = desk.service.history(DEV)
        assert (newest.complete, oldest.complete) == (False, True)
        assert newest.born == newest.created_at

    def test_burned_ones_are_marked_by_version_and_by_value(self, desk: Desk) -> None:
        first, _ = desk.save(DEV, 1, 2)
        code = desk.row(DEV).fingerprint
        write_freeze(
            desk.inner["dev"],
            burned=[{"ref": "dev/bybit", "version": first}, {"ref": "dev/bybit", "fingerprint": code}],
        )
        assert [entry.burned for entry in desk.service.history(DEV)] == [True, True]
        write_freeze(desk.inner["dev"], burned=[{"ref": "dev/okx", "version": first}])
        assert [entry.burned for entry in desk.service.history(DEV)] == [False, False]

    def test_a_freeze_record_that_cannot_be_read_hides_no_history(self, desk: Desk) -> None:
        desk.save(DEV)
        desk.stores["dev"].fails["read_current"] = Denied("You may not.")
        assert len(desk.service.history(DEV)) == 1

    def test_of_what_is_not_there(self, desk: Desk) -> None:
        with pytest.raises(NotFound):
            desk.service.history(DEV)


def test_an_environment_that_settings_send_elsewhere_is_marked() -> None:
    settings = Settings(
        environments={"dev": EnvironmentSettings("dev", Desk().service.environment_settings("dev").policy)}
    )
    service = Service(settings, variables={}, open_environment=lambda known: MemoryStore())
    assert service.blank("dev").endpoint_url is None
    assert service.refresh("dev").endpoint_url is None
