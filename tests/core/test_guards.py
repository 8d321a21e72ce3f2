"""Who is refused, in which order the guards are asked, and how long a lifted environment stays writable."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from secrets_core.errors import Denied, NotFound, Refused, Unreachable
from secrets_core.names import CredentialRef
from secrets_core.policy import CI_VARIABLES
from secrets_core.service import LIFT_LASTS, Service
from secrets_core.views import Action
from tests.core.desk import ALL, Desk, values
from tests.pairs.support import START, write_freeze

DEV, PROD = CredentialRef("dev", "bybit"), CredentialRef("prod", "bybit")
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


LOOKS: dict[str, Callable[[Service], object]] = {
    "connect": lambda service: service.connect("prod"),
    "discover": lambda service: service.discover("prod"),
    "look up an age": lambda service: service.look_up_age(PROD),
    "history": lambda service: service.history(PROD),
    "fetch": lambda service: service.fetch(PROD),
    "verify": lambda service: service.verify(PROD, values(PROD, 1)),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("variables", "expected"), [({"MM_ENV": "dev"}, "bound"), ({"TF_BUILD": "1"}, "ci")])
def test_a_process_that_may_not_touch_an_environment_may_not_look_at_it(
    look: str, variables: dict[str, str], expected: str
) -> None:
    desk = Desk(variables=variables)
    with pytest.raises(Refused) as caught:
        LOOKS[look](desk.service)
    assert caught.value.guard == expected


def test_the_view_of_an_environment_that_may_not_be_looked_at_says_why() -> None:
    desk = Desk(variables={"MM_ENV": "dev"})
    view = desk.service.refresh("prod")
    assert view.state.value == "denied"
    assert view.problem is not None
    assert "MM_ENV" in view.problem.message
    assert desk.service.refresh("dev").problem is None
    assert ("prod", view.problem.message) in desk.service.find_key(values(PROD, 1)["api_key"]).unchecked
