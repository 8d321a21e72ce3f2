"""What a bot gets when nothing proves that the parts belong together, by the rules of the environment."""

from __future__ import annotations

import uuid

import pytest

from secrets_core.errors import CredentialsDead, Refused, Torn
from secrets_core.names import API_KEY, API_SECRET
from secrets_core.secret import Secret
from secrets_core.standing import State
from tests.canary import Canary
from tests.core.standin import World


def overwrite(world: World, canary: Canary, *parts: str) -> None:
    """Write parts as another tool does: each with a version id of its own."""
    values = {API_KEY: canary.api_key, API_SECRET: canary.api_secret}
    for part in parts:
        world.store.put_secret_value(world.name(part), str(uuid.uuid4()), Secret(values[part]))


@pytest.mark.parametrize(("environment", "warned"), [("dev", False), ("shadow", True)])
def test_dev_allows_them_and_shadow_warns_once(
    canary: Canary, environment: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(environment, canary)
    overwrite(world, canary, API_KEY, API_SECRET)
    for _ in range(3):
        world.time.now += 400
        credentials = world.provider.get_api_credentials(environment, "bybit")
        assert credentials.api_key == Secret(canary.api_key)
        assert credentials.version_id is None
    assert caplog.text.count("legacy pair") == int(warned)


@pytest.mark.parametrize("environment", ["soak", "prod"])
def test_soak_and_prod_refuse_them_at_start(canary: Canary, environment: str) -> None:
    world = World(environment, canary)
    overwrite(world, canary, API_KEY, API_SECRET)
    with pytest.raises(Refused) as caught:
        world.get()
    assert caught.value.guard == "legacy-pairs"
    assert "Adopt" in caught.value.hint


def test_a_running_reader_in_prod_keeps_its_last_proven_pair_and_says_so(
    canary: Canary, caplog: pytest.LogCaptureFixture
) -> None:
    world = World("prod", canary)
    world.save()
    watch = world.watch()
    first = watch.credentials()
    overwrite(world, Canary.make(), API_KEY, API_SECRET)
    world.pass_time(700)
    assert watch.credentials() is first
    assert (watch.standing.state, watch.standing.cause) == (State.OK, "failing")
    assert "legacy pair" in world.told[-1].reason
    assert "The last proven credential stays in use." in caplog.text


def test_a_torn_pair_is_refused_at_start_and_a_running_reader_keeps_its_last_proven_one(canary: Canary) -> None:
    world = World("prod", canary)
    world.save()
    first = world.get()
    overwrite(world, Canary.make(), API_KEY)
    world.time.now += 301
    assert world.get() is first
    world.provider.clear_cache()
    with pytest.raises(Torn):
        world.get()


def test_a_revoked_legacy_pair_is_dead_too(canary: Canary) -> None:
    world = World("dev", canary)
    overwrite(world, canary, API_KEY, API_SECRET)
    watch = world.watch()
    watch.credentials()
    leader = world.store.describe(world.name(API_KEY)).current
    assert leader is not None
    world.write_freeze(dead=[leader])
    world.pass_time(world.policy.poll_seconds)
    assert watch.standing.state is State.DEAD
    with pytest.raises(CredentialsDead):
        watch.for_risk_reduction()
