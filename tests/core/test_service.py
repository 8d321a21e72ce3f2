"""The one door: which environments there are, and what a change leaves behind."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from secrets_core.errors import (
    AlreadyExists,
    Conflict,
    CoreError,
    Denied,
    InvalidName,
    Refused,
    SettingsError,
    Unreachable,
)
from secrets_core.names import FINGERPRINT, FREEZE, LEADER, CredentialRef, control_name, secret_name
from secrets_core.pairs import PairState
from secrets_core.secret import Secret
from secrets_core.service import Service
from secrets_core.settings import EnvironmentSettings, Settings
from secrets_core.stores.base import PENDING
from secrets_core.stores.memory import MemoryStore
from secrets_core.versions import new_version_id
from secrets_core.views import Action, Condition
from tests.canary import Canary
from tests.core.desk import Desk, values
from tests.pairs.support import START

DEV, PROD, KUCOIN = CredentialRef("dev", "bybit"), CredentialRef("prod", "bybit"), CredentialRef("dev", "kucoin@mm1")


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
        with pytest.raises(Refused, match="suspected") as refused:
            service.roll_back(ref)
        assert refused.value.guard == "suspected"
        back = service.roll_back(ref, first.version_id)
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
        desk.service._environments.get("dev").fingerprint_key = None  # another process: it has not read the key yet
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
        assert desk.service.refusal(Action.RESTORE, DEV)

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
        assert desk.service.refusal(Action.ROTATE, DEV) is None
        store.listing = list
        desk.service.refresh("dev")
        assert desk.service.refusal(Action.SAVE, DEV)

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


def test_an_environment_that_settings_send_elsewhere_is_marked() -> None:
    settings = Settings(
        environments={"dev": EnvironmentSettings("dev", Desk().service.environment_settings("dev").policy)}
    )
    service = Service(settings, variables={}, open_environment=lambda known: MemoryStore())
    assert service.blank("dev").endpoint_url is None
    assert service.refresh("dev").endpoint_url is None
