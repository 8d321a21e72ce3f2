"""What each verb does to a credential and what it refuses, on the memory store."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from secrets_core.errors import (
    AlreadyExists,
    Conflict,
    CoreError,
    Denied,
    Incomplete,
    InvalidValue,
    NotFound,
    OutcomeUnknown,
    Refused,
    ScheduledForDeletion,
    Throttled,
    Torn,
    Unreachable,
)
from secrets_core.names import (
    API_KEY,
    API_PASSPHRASE,
    API_SECRET,
    FREEZE,
    LEADER,
    CredentialRef,
    control_name,
    secret_name,
)
from secrets_core.pairs import (
    PairState,
    adopt,
    create,
    delete,
    read_pair,
    repair,
    restore,
    roll_back,
    rotate,
)
from secrets_core.secret import Secret
from secrets_core.stores.base import CURRENT, PENDING, PREVIOUS, SecretStore
from secrets_core.tags import KEPT_RECORDS, record_of
from secrets_core.versions import is_ours, new_version_id, version_time
from tests.canary import Canary
from tests.pairs.interleaving import Actor
from tests.pairs.support import (
    HOLD,
    KEY,
    START,
    THREE,
    TWO,
    HookedStore,
    World,
    change,
    current_of,
    denying,
    make_empty,
    make_legacy,
    no_sleep,
    once_before,
    pending_labels,
    put_foreign,
    read,
    record_tags,
    seen_by_reader,
    serial_of,
    state_of,
    values,
    write_freeze,
)

BOTH = pytest.mark.parametrize("ref", [TWO, THREE], ids=["two-parts", "three-parts"])
LEADER_NAME = secret_name(TWO, LEADER)
FOLLOWER_NAME = secret_name(TWO, API_SECRET)


@pytest.fixture
def world() -> World:
    return World()


def save(world: World, serial: int, ref: CredentialRef = TWO) -> str:
    return create(world.store, ref, values(serial, ref), change(world.clock), sleep=no_sleep).version_id


def turn(world: World, serial: int, ref: CredentialRef = TWO, store: SecretStore | None = None) -> str:
    return rotate(store or world.store, ref, values(serial, ref), change(world.clock), sleep=no_sleep).version_id


def clean(world: World, ref: CredentialRef = TWO) -> bool:
    return state_of(world.store, ref) is PairState.PAIRED and not pending_labels(world.store, ref)


class TestCreate:
    @BOTH
    def test_all_parts_get_one_version_that_carries_the_time(self, world: World, ref: CredentialRef) -> None:
        version_id = save(world, 1, ref)
        assert set(current_of(world.store, ref).values()) == {version_id}
        assert version_time(version_id) == START
        assert clean(world, ref)
        assert seen_by_reader(world.store, ref) == 1

    def test_records_who_and_why_and_no_value(self, world: World, canary: Canary) -> None:
        typed = {API_KEY: Secret(canary.api_key), API_SECRET: Secret(canary.api_secret)}
        version_id = create(world.store, TWO, typed, change(world.clock), sleep=no_sleep).version_id
        tags = world.store.describe(LEADER_NAME).tags
        record = record_of(tags, version_id)
        assert record is not None
        assert (record.by, record.why, record.stored_at) == ("alice@desk", "scheduled", START)
        assert (record.fingerprint, record.key_fingerprint) == (KEY.of(typed), KEY.of_key(typed[API_KEY]))
        assert record.hint == canary.api_key[-4:]
        assert canary.leaks_in(str(tags)) == []
        assert world.store.describe(FOLLOWER_NAME).tags == {}

    def test_what_exists_is_refused_and_names_rotate(self, world: World) -> None:
        save(world, 1)
        with pytest.raises(AlreadyExists) as refused:
            save(world, 2)
        assert "rotate" in refused.value.hint
        assert seen_by_reader(world.store) == 1

    @BOTH
    def test_an_interrupted_save_is_healed_by_saving_again(self, world: World, ref: CredentialRef) -> None:
        world.store.create(secret_name(ref, API_SECRET), new_version_id(START), values(1, ref)[API_SECRET])
        assert seen_by_reader(world.store, ref) == "missing"
        assert state_of(world.store, ref) is PairState.INCOMPLETE
        save(world, 2, ref)
        assert clean(world, ref)
        assert seen_by_reader(world.store, ref) == 2

    @BOTH
    def test_names_without_a_version_are_filled(self, world: World, ref: CredentialRef) -> None:
        make_empty(world.store, ref)
        assert seen_by_reader(world.store, ref) == "missing"
        assert state_of(world.store, ref) is PairState.INCOMPLETE
        version_id = save(world, 1, ref)
        assert clean(world, ref)
        assert seen_by_reader(world.store, ref) == 1
        assert record_of(world.store.describe(secret_name(ref, LEADER)).tags, version_id) is not None

    def test_a_name_without_a_version_filled_by_somebody_else_is_a_conflict(self, world: World) -> None:
        make_empty(world.store, TWO)
        store = once_before(world.store, "put", LEADER_NAME, lambda: save(world, 1))
        with pytest.raises(Conflict):
            create(store, TWO, values(2), change(world.clock, by="bob"), sleep=no_sleep)
        assert clean(world)
        assert seen_by_reader(world.store) == 1
        assert len(record_tags(world.store)) == 1

    def test_an_unreadable_answer_after_filling_an_empty_name_is_never_called_a_failure(self, world: World) -> None:
        make_empty(world.store, TWO)
        put_yet: list[bool] = []

        def go_dark(operation: str, name: str, _run: object) -> None:
            if put_yet:
                raise Unreachable("No answer.")
            if (operation, name) == ("put", LEADER_NAME):
                put_yet.append(True)

        with pytest.raises(OutcomeUnknown):
            create(HookedStore(world.store, go_dark), TWO, values(1), change(world.clock), sleep=no_sleep)
        assert seen_by_reader(world.store) == 1

    @pytest.mark.parametrize("whole", [True, False], ids=["deleted", "half-deleted"])
    def test_a_deleted_name_is_refused_and_names_restore(self, world: World, whole: bool) -> None:
        save(world, 1)
        for name in [LEADER_NAME, FOLLOWER_NAME][: 2 if whole else 1]:
            world.store.delete(name)
        for verb in (create, rotate):
            with pytest.raises(ScheduledForDeletion) as refused:
                verb(world.store, TWO, values(2), change(world.clock), sleep=no_sleep)
            assert "restore" in refused.value.hint
        restore(world.store, TWO)
        assert seen_by_reader(world.store) == 1
        assert clean(world)

    def test_without_the_right_to_tag_it_is_stored_and_says_so(self, world: World) -> None:
        def no_tags(operation: str, name: str, _run: object) -> None:
            if operation == "tag":
                raise Denied("No right to tag.")

        class Untaggable(HookedStore):
            def create(self, name: str, version_id: str, value: Secret, tags: object = None) -> None:
                if tags:
                    raise Denied("No right to tag.")
                self.inner.create(name, version_id, value)

        written = create(Untaggable(world.store, no_tags), TWO, values(1), change(world.clock), sleep=no_sleep)
        assert any("tag" in notice for notice in written.notices)
        assert clean(world)
        assert seen_by_reader(world.store) == 1


class TestValues:
    @pytest.mark.parametrize("verb", [create, rotate], ids=["create", "rotate"])
    @pytest.mark.parametrize("lacking", [None, Secret("")], ids=["absent", "empty"])
    def test_a_lacking_part_changes_nothing(
        self, world: World, verb: Callable[..., object], lacking: Secret | None
    ) -> None:
        if verb is rotate:
            save(world, 1, THREE)
        before = seen_by_reader(world.store, THREE)
        given = values(2, THREE)
        if lacking is None:
            del given[API_PASSPHRASE]
        else:
            given[API_PASSPHRASE] = lacking
        with pytest.raises(Incomplete, match=API_PASSPHRASE):
            verb(world.store, THREE, given, change(world.clock), sleep=no_sleep)
        assert seen_by_reader(world.store, THREE) == before
        assert len(world.store.list_metadata("")) == (3 if verb is rotate else 0)

    def test_a_part_that_the_exchange_does_not_have_changes_nothing(self, world: World) -> None:
        with pytest.raises(InvalidValue, match=API_PASSPHRASE):
            create(world.store, TWO, values(1, THREE), change(world.clock), sleep=no_sleep)
        assert world.store.list_metadata("") == []


class TestRotate:
    @BOTH
    def test_all_parts_change_as_one(self, world: World, ref: CredentialRef) -> None:
        first = save(world, 1, ref)
        world.clock.forward(days=30)
        written = rotate(world.store, ref, values(2, ref), change(world.clock), sleep=no_sleep)
        assert written.replaced == first
        assert written.notices == ()
        assert set(current_of(world.store, ref).values()) == {written.version_id}
        assert version_time(written.version_id) == world.clock.now
        assert world.store.describe(secret_name(ref, LEADER)).stages[PREVIOUS] == first
        assert clean(world, ref)
        assert seen_by_reader(world.store, ref) == 2

    def test_what_is_missing_is_refused_and_names_save(self, world: World) -> None:
        with pytest.raises(NotFound) as refused:
            turn(world, 1)
        assert "save" in refused.value.hint
        assert world.store.list_metadata("") == []

    def test_the_same_value_again_is_refused(self, world: World) -> None:
        save(world, 1)
        with pytest.raises(AlreadyExists, match="stored already"):
            turn(world, 1)
        assert clean(world)
        assert len(record_tags(world.store)) == 1

    def test_an_older_value_gets_its_older_time(self, world: World) -> None:
        save(world, 1)
        world.clock.forward(days=40)
        turn(world, 2)
        world.clock.forward(days=40)
        third = turn(world, 1)
        assert version_time(third) == START
        assert seen_by_reader(world.store) == 1
        record = record_of(world.store.describe(LEADER_NAME).tags, third)
        assert record is not None
        assert record.stored_at == world.clock.now

    def test_an_older_value_whose_time_lies_ahead_is_not_born_in_the_future(self, world: World) -> None:
        ahead = START + timedelta(days=2)
        create(world.store, TWO, values(1), change(lambda: ahead), sleep=no_sleep)
        turn(world, 2)
        assert version_time(turn(world, 1)) == START

    def test_without_a_fingerprint_key_nothing_is_recognised(self, world: World) -> None:
        save(world, 1)
        world.clock.forward(days=1)
        again = rotate(world.store, TWO, values(1), change(world.clock, keyed=False), sleep=no_sleep)
        assert version_time(again.version_id) == world.clock.now
        assert seen_by_reader(world.store) == 1

    def test_a_record_is_believed_only_for_the_version_it_names(self, world: World) -> None:
        save(world, 1)
        put_foreign(world.store, LEADER_NAME, Secret("key-of-another-tool"))
        turn(world, 1)  # the record of the first version says nothing about the foreign one
        assert seen_by_reader(world.store) == 1
        assert clean(world)

    def test_expected_version(self, world: World) -> None:
        first = save(world, 1)
        second = turn(world, 2)
        with pytest.raises(Conflict):
            rotate(world.store, TWO, values(3), change(world.clock), expected=first, sleep=no_sleep)
        rotate(world.store, TWO, values(3), change(world.clock), expected=second, sleep=no_sleep)
        assert seen_by_reader(world.store) == 3

    def test_a_second_operator_loses_cleanly(self, world: World) -> None:
        save(world, 1)
        store = once_before(world.store, f"move_stage {CURRENT}", LEADER_NAME, lambda: turn(world, 2))
        with pytest.raises(Conflict, match="alice@desk"):
            rotate(store, TWO, values(3), change(world.clock, by="bob"), sleep=no_sleep)
        assert clean(world)
        assert seen_by_reader(world.store) == 2
        assert len(record_tags(world.store)) == 2

    def test_one_who_looked_before_the_winner_was_done_does_not_overwrite_him(self, world: World) -> None:
        first = save(world, 1)
        die_after_commit(world, 2)
        # The second operator helps to finish; while he does, a third one rotates.
        store = once_before(world.store, f"move_stage {CURRENT}", FOLLOWER_NAME, lambda: turn(world, 3))
        with pytest.raises(Conflict):
            turn(world, 4, store=store)
        assert seen_by_reader(world.store) == 3
        assert clean(world)
        assert first not in current_of(world.store).values()

    def test_a_commit_whose_answer_was_lost_and_which_another_change_followed_was_a_commit(self, world: World) -> None:
        save(world, 1)
        committed: list[str] = []

        def hook(operation: str, name: str, run: Callable[[], object]) -> None:
            if (operation, name) == (f"move_stage {CURRENT}", LEADER_NAME) and not committed:
                run()
                committed.append(world.store.describe(LEADER_NAME).stages[CURRENT])
                turn(world, 3)
                # and now the SDK repeats the call, which finds another version there

        written = rotate(HookedStore(world.store, hook), TWO, values(2), change(world.clock, by="bob"), sleep=no_sleep)
        assert written.version_id == committed[0]
        assert any("followed" in notice for notice in written.notices)
        assert seen_by_reader(world.store) == 3
        assert record_of(world.store.describe(LEADER_NAME).tags, committed[0]) is not None
        assert clean(world)

    @pytest.mark.parametrize("part", [API_KEY, API_SECRET])
    def test_a_value_that_was_answered_but_not_stored_is_stored_before_the_commit(
        self, world: World, part: str
    ) -> None:
        save(world, 1)
        turn(world, 2, store=Swallowing(world.store, secret_name(TWO, part), None))
        assert clean(world)
        assert seen_by_reader(world.store) == 2

    @pytest.mark.parametrize("part", [API_KEY, API_SECRET])
    def test_a_value_that_was_stored_wrongly_is_never_committed(self, world: World, part: str) -> None:
        save(world, 1)
        with pytest.raises(AlreadyExists):
            turn(world, 2, store=Swallowing(world.store, secret_name(TWO, part), Secret("cut o")))
        assert seen_by_reader(world.store) == 1
        assert clean(world)

    @pytest.mark.parametrize("operation", ["put", "tag"])
    def test_an_answer_lost_before_the_commit_leaves_no_doubt(self, world: World, operation: str) -> None:
        save(world, 1)

        def lose(called: str, _name: str, run: Callable[[], object]) -> None:
            if called == operation:
                run()
                raise OutcomeUnknown("Lost.")

        with pytest.raises(Unreachable, match="not changed"):
            turn(world, 2, store=HookedStore(world.store, lose))
        assert seen_by_reader(world.store) == 1
        assert clean(world)

    def test_a_follower_that_could_not_be_moved_keeps_the_label_that_protects_it(self, world: World) -> None:
        save(world, 1)
        stuck = denying(
            world.store,
            lambda operation, name: (operation, name) == (f"move_stage {CURRENT}", FOLLOWER_NAME),
            Throttled("Slow down."),
        )
        written = rotate(stuck, TWO, values(2), change(world.clock), sleep=no_sleep)
        assert any("repair" in notice for notice in written.notices)
        assert world.store.describe(FOLLOWER_NAME).holds(written.version_id)
        assert seen_by_reader(world.store) == 2
        assert state_of(world.store) is PairState.MID_PROMOTION
        repair(world.store, TWO, world.clock(), sleep=no_sleep)
        assert clean(world)
        assert seen_by_reader(world.store) == 2

    def test_one_stuck_follower_does_not_keep_the_other_one_back(self, world: World) -> None:
        save(world, 1, THREE)
        stuck = denying(
            world.store,
            lambda operation, name: (operation, name) == (f"move_stage {CURRENT}", secret_name(THREE, API_SECRET)),
            Denied("No right to do this."),
        )
        version_id = turn(world, 2, THREE, stuck)
        assert current_of(world.store, THREE)[API_PASSPHRASE] == version_id
        assert seen_by_reader(world.store, THREE) == 2

    def test_one_who_wakes_up_late_leaves_the_followers_of_a_newer_change_alone(self, world: World) -> None:
        save(world, 1)
        sleeper = Actor("sleeper", world.store, lambda store: turn(world, 2, store=store))
        while seen_by_reader(world.store) == 1:
            sleeper.advance()
        roll_back(world.store, TWO, change(world.clock), sleep=no_sleep)
        moves = []
        while not sleeper.done:
            moves.append(sleeper.next_call)
            sleeper.advance()
        assert sleeper.error is None
        assert f"move_stage {CURRENT} {FOLLOWER_NAME}" not in moves
        assert clean(world)
        assert seen_by_reader(world.store) == 1

    def test_a_version_that_a_replica_does_not_show_yet_is_waited_for(self, world: World) -> None:
        save(world, 1)
        misses = [NotFound("No such version."), NotFound("No such version.")]

        def lag(operation: str, name: str, _run: object) -> None:
            if (operation, name) == (f"move_stage {CURRENT}", FOLLOWER_NAME) and misses:
                raise misses.pop()

        written = rotate(HookedStore(world.store, lag), TWO, values(2), change(world.clock), sleep=no_sleep)
        assert written.notices == ()
        assert clean(world)

    def test_nothing_new_is_started_while_the_last_change_cannot_be_finished(self, world: World) -> None:
        save(world, 1)
        die_after_commit(world, 2)
        stuck = denying(
            world.store,
            lambda operation, name: (operation, name) == (f"move_stage {CURRENT}", FOLLOWER_NAME),
            Throttled("Slow down."),
        )
        with pytest.raises(Refused) as refused:
            turn(world, 3, store=stuck)
        assert refused.value.guard == "unfinished"
        assert world.store.describe(FOLLOWER_NAME).holds(world.store.describe(LEADER_NAME).stages[CURRENT])
        assert seen_by_reader(world.store) == 2

    def test_a_foreign_follower_is_brought_back_before_it_is_replaced(self, world: World) -> None:
        first = save(world, 1)
        put_foreign(world.store, FOLLOWER_NAME, Secret("another-tools-secret"))
        assert state_of(world.store) is PairState.FOREIGN_FOLLOWER
        assert seen_by_reader(world.store) == 1
        turn(world, 2)
        assert clean(world)
        assert seen_by_reader(world.store) == 2
        assert world.store.describe(FOLLOWER_NAME).stages[PREVIOUS] == first
        roll_back(world.store, TWO, change(world.clock), sleep=no_sleep)
        assert seen_by_reader(world.store) == 1

    @BOTH
    def test_torn_is_refused_by_readers_and_healed(self, world: World, ref: CredentialRef) -> None:
        save(world, 1, ref)
        put_foreign(world.store, secret_name(ref, LEADER), Secret("another-tools-key"))
        assert state_of(world.store, ref) is PairState.TORN
        with pytest.raises(Torn, match="does not belong"):
            read(world.store, ref)
        turn(world, 2, ref)
        assert clean(world, ref)
        assert seen_by_reader(world.store, ref) == 2

    def test_torn_is_healed_by_typing_the_current_values_again(self, world: World) -> None:
        save(world, 1)
        version_id = lose_follower(world)
        put_foreign(world.store, FOLLOWER_NAME, Secret("another-tools-secret"))
        assert state_of(world.store) is PairState.TORN
        world.clock.forward(days=3)
        healed = turn(world, 1)
        assert version_time(healed) == version_time(version_id)
        assert seen_by_reader(world.store) == 1
        assert clean(world)

    def test_incomplete_is_healed_by_typing_the_current_values_again(self, world: World) -> None:
        save(world, 1)
        lose_follower(world)
        assert state_of(world.store) is PairState.INCOMPLETE
        with pytest.raises(Incomplete) as missing:
            read(world.store)
        assert "otate" in missing.value.hint
        assert "ave" not in missing.value.hint, "save would be refused"
        turn(world, 1)
        assert seen_by_reader(world.store) == 1
        assert clean(world)

    def test_over_the_leftovers_of_a_dead_writer(self, world: World) -> None:
        save(world, 1)
        dead = new_version_id(START)
        for part, value in values(7).items():
            world.store.put(secret_name(TWO, part), dead, value, [PENDING])
        assert state_of(world.store) is PairState.PENDING
        assert seen_by_reader(world.store) == 1
        turn(world, 2)
        assert clean(world)
        assert seen_by_reader(world.store) == 2


class Swallowing(HookedStore):
    """Take the first value put under a name for stored, and store another one instead, or nothing."""

    def __init__(self, inner: SecretStore, name: str, instead: Secret | None) -> None:
        super().__init__(inner, lambda *_: None)
        self._name: str | None = name
        self._instead = instead

    def put(self, name: str, version_id: str, value: Secret, stages: Sequence[str]) -> None:
        if name != self._name:
            self.inner.put(name, version_id, value, stages)
            return
        self._name = None
        if self._instead is not None:
            self.inner.put(name, version_id, self._instead, stages)


def die_after_commit(world: World, serial: int) -> str:
    """Leave what a writer leaves that dies right after his commit."""
    version_id = new_version_id(world.clock())
    for part, value in reversed(values(serial).items()):
        world.store.put(secret_name(TWO, part), version_id, value, [PENDING])
    old = world.store.describe(LEADER_NAME).current
    world.store.move_stage(LEADER_NAME, CURRENT, to=version_id, expected=old)
    return version_id


def lose_follower(world: World) -> str:
    """Let a follower vanish as a deletion without recovery by another tool does; give the leader's version."""
    del world.store._entries[FOLLOWER_NAME]
    current = world.store.describe(LEADER_NAME).current
    assert current is not None
    return current


class TestTags:
    def test_the_twelve_newest_records_stay(self, world: World) -> None:
        save(world, 0)
        made = []
        for serial in range(1, 20):
            world.clock.forward(days=1)
            made.append(turn(world, serial))
        tags = world.store.describe(LEADER_NAME).tags
        assert len(record_tags(world.store)) == KEPT_RECORDS
        assert all(record_of(tags, version_id) is not None for version_id in made[-KEPT_RECORDS:])

    def test_the_records_of_labelled_versions_stay_however_old(self, world: World) -> None:
        first = save(world, 0)
        for serial in range(1, 14):
            world.clock.forward(days=1)
            turn(world, serial)
            roll_back(world.store, TWO, change(world.clock), to=first, sleep=no_sleep)
        assert record_of(world.store.describe(LEADER_NAME).tags, first) is not None

    def test_other_tags_stay(self, world: World) -> None:
        save(world, 1)
        world.store.tag(LEADER_NAME, {"mm:owner": "desk-a", "team": "mm"})
        for serial in range(2, 18):
            turn(world, serial)
        tags = world.store.describe(LEADER_NAME).tags
        assert (tags["mm:owner"], tags["team"]) == ("desk-a", "mm")

    def test_every_record_fits_aws_whatever_it_says(self, world: World) -> None:
        arn = "arn:aws:sts::123456789012:assumed-role/" + "Ä;{}|<>" * 60
        odd = change(world.clock, by=arn)
        create(world.store, TWO, values(1), odd, sleep=no_sleep)
        rotate(world.store, TWO, values(2), odd, sleep=no_sleep)
        for key in record_tags(world.store):
            value = world.store.describe(LEADER_NAME).tags[key]
            assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,256}", value)
            assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,128}", key)

    def test_without_the_right_to_tag_the_rotation_is_done_and_says_so(self, world: World) -> None:
        save(world, 1)
        store = denying(world.store, lambda operation, _: operation in ("tag", "untag"), Denied("No right to tag."))
        written = rotate(store, TWO, values(2), change(world.clock), sleep=no_sleep)
        assert any("tag" in notice for notice in written.notices)
        assert seen_by_reader(world.store) == 2
        assert clean(world)


class TestFreeze:
    VERBS: dict[str, Callable[[World, SecretStore, bool], object]] = {
        "create": lambda w, s, strict: create(s, TWO, values(2), change(w.clock, strict=strict), sleep=no_sleep),
        "rotate": lambda w, s, strict: rotate(s, TWO, values(2), change(w.clock, strict=strict), sleep=no_sleep),
        "roll_back": lambda w, s, strict: roll_back(s, TWO, change(w.clock, strict=strict), sleep=no_sleep),
        "adopt": lambda w, s, strict: adopt(s, TWO, change(w.clock, strict=strict), sleep=no_sleep),
        "delete": lambda w, s, strict: delete(s, TWO, strict=strict),
        "restore": lambda w, s, strict: restore(s, TWO, strict=strict),
    }

    @staticmethod
    def prepare(world: World, verb: str) -> None:
        if verb == "adopt":
            make_legacy(world.store, 1)
        elif verb != "create":
            save(world, 0)
            turn(world, 1)
            if verb == "restore":
                delete(world.store, TWO)

    @pytest.mark.parametrize("verb", VERBS)
    def test_frozen_changes_nothing(self, world: World, verb: str) -> None:
        self.prepare(world, verb)
        write_freeze(world.store, holds=HOLD)
        before = world.store.list_metadata("")
        with pytest.raises(Refused, match="amber-fox") as refused:
            self.VERBS[verb](world, world.store, True)
        assert refused.value.guard == "frozen"
        assert world.store.list_metadata("") == before, "it said that nothing was changed"

    @pytest.mark.parametrize("verb", VERBS)
    def test_a_freeze_of_another_exchange_does_not_concern_it(self, world: World, verb: str) -> None:
        self.prepare(world, verb)
        write_freeze(world.store, holds={"incident-7": {"scope": ["bybit@mm2", "binance"]}})
        self.VERBS[verb](world, world.store, True)

    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("why", ["garbled", "denied"])
    def test_unconfirmed_is_refused_where_strict(self, world: World, verb: str, why: str) -> None:
        self.prepare(world, verb)
        freeze_name = control_name("dev", FREEZE)
        store: SecretStore = world.store
        if why == "garbled":
            write_freeze(world.store, text="{")
        else:
            store = unreadable(world.store, freeze_name)
        before = world.store.list_metadata("")
        with pytest.raises(Refused) as refused:
            self.VERBS[verb](world, store, True)
        assert refused.value.guard == "freeze-unconfirmed"
        assert world.store.list_metadata("") == before
        self.VERBS[verb](world, store, False)

    @pytest.mark.parametrize("verb", ["create", "rotate", "adopt"])
    def test_a_freeze_in_the_last_moment_stops_the_commit(self, world: World, verb: str) -> None:
        self.prepare(world, verb)
        before = seen_by_reader(world.store)
        store = once_before(world.store, "put", FOLLOWER_NAME, lambda: write_freeze(world.store, holds=HOLD))
        with pytest.raises(Refused, match="amber-fox"):
            self.VERBS[verb](world, store, True)
        assert seen_by_reader(world.store) == before
        assert pending_labels(world.store) == {}
        if verb == "rotate":
            assert len(record_tags(world.store)) == 2

    def test_a_repair_is_no_change_and_works_while_frozen(self, world: World) -> None:
        save(world, 1)
        die_after_commit(world, 2)
        write_freeze(world.store, holds=HOLD)
        repair(world.store, TWO, world.clock(), sleep=no_sleep)
        assert clean(world)


def unreadable(inner: SecretStore, name: str) -> SecretStore:
    """Give a store that denies one name within whatever is read."""

    class Unreadable(HookedStore):
        def read_current(self, names: object) -> dict[str, object]:  # type: ignore[override]  # narrower than the real one
            outcomes = self.inner.read_current(list(names))  # type: ignore[call-overload]  # as above
            return {key: Denied("No right to read.") if key == name else value for key, value in outcomes.items()}

    return Unreadable(inner, lambda *_: None)


class TestBurned:
    def burn(self, world: World, serial: int) -> None:
        entry = {"ref": str(TWO), "fingerprint": KEY.of(values(serial)), "incident": "incident-7"}
        write_freeze(world.store, burned=[entry])

    def test_burned_values_are_never_stored(self, world: World) -> None:
        self.burn(world, 1)
        with pytest.raises(Refused) as refused:
            save(world, 1)
        assert refused.value.guard == "burned"
        assert [secret.name for secret in world.store.list_metadata("")] == [control_name("dev", FREEZE)]
        save(world, 2)
        with pytest.raises(Refused):
            turn(world, 1)
        assert clean(world)
        assert seen_by_reader(world.store) == 2

    @pytest.mark.parametrize("by", ["version", "fingerprint", "dead"])
    def test_a_burned_or_dead_version_is_not_rolled_back_to(self, world: World, by: str) -> None:
        first = save(world, 1)
        turn(world, 2)
        if by == "fingerprint":
            self.burn(world, 1)
        else:
            entries = [{"ref": str(TWO), "version": first}]
            write_freeze(world.store, **{"burned" if by == "version" else "dead": entries})
        with pytest.raises(Refused) as refused:
            roll_back(world.store, TWO, change(world.clock), sleep=no_sleep)
        assert refused.value.guard == "burned"
        assert seen_by_reader(world.store) == 2

    def test_a_leaked_legacy_pair_can_still_be_replaced(self, world: World) -> None:
        make_legacy(world.store, 1)
        self.burn(world, 1)
        with pytest.raises(Refused):
            adopt(world.store, TWO, change(world.clock), sleep=no_sleep)
        written = rotate(world.store, TWO, values(2), change(world.clock), sleep=no_sleep)
        assert any("rolled back" in notice for notice in written.notices)
        assert seen_by_reader(world.store) == 2
        assert clean(world)


class TestLegacy:
    @BOTH
    def test_read_and_adopted_with_the_age_of_its_oldest_part(self, world: World, ref: CredentialRef) -> None:
        for part, value in values(1, ref).items():
            put_foreign(world.store, secret_name(ref, part), value)
            world.clock.forward(minutes=4)
        pair = read(world.store, ref)
        assert (pair.state, pair.version_id, pair.created_at) == (PairState.LEGACY, None, START)
        assert serial_of(pair.values, ref) == 1
        world.clock.forward(days=70)
        written = adopt(world.store, ref, change(world.clock), sleep=no_sleep)
        assert version_time(written.version_id) == START
        assert clean(world, ref)
        assert seen_by_reader(world.store, ref) == 1
        record = record_of(world.store.describe(secret_name(ref, LEADER)).tags, written.version_id)
        assert record is not None
        assert record.why == "adopted"

    def test_what_is_managed_is_not_adopted(self, world: World) -> None:
        save(world, 1)
        with pytest.raises(Refused) as refused:
            adopt(world.store, TWO, change(world.clock), sleep=no_sleep)
        assert refused.value.guard == "managed"

    @BOTH
    def test_a_rotation_adopts_first_so_that_it_can_be_rolled_back(self, world: World, ref: CredentialRef) -> None:
        make_legacy(world.store, 1, ref)
        world.clock.forward(days=70)
        turn(world, 2, ref)
        assert seen_by_reader(world.store, ref) == 2
        assert clean(world, ref)
        back = roll_back(world.store, ref, change(world.clock), sleep=no_sleep)
        assert version_time(back.version_id) == START, "the age is kept"
        assert seen_by_reader(world.store, ref) == 1

    def test_its_own_value_again_is_refused(self, world: World) -> None:
        make_legacy(world.store, 1)
        with pytest.raises(AlreadyExists):
            turn(world, 1)
        assert seen_by_reader(world.store) == 1
        assert clean(world)

    def test_born_too_far_apart_is_torn(self, world: World) -> None:
        put_foreign(world.store, LEADER_NAME, values(1)[API_KEY])
        world.clock.forward(minutes=10, seconds=1)
        put_foreign(world.store, FOLLOWER_NAME, values(1)[API_SECRET])
        for verb in (lambda: read(world.store), lambda: adopt(world.store, TWO, change(world.clock), sleep=no_sleep)):
            with pytest.raises(Torn):
                verb()

    def test_born_too_far_apart_is_healed_by_a_rotation(self, world: World) -> None:
        put_foreign(world.store, LEADER_NAME, values(1)[API_KEY])
        world.clock.forward(hours=3)
        put_foreign(world.store, FOLLOWER_NAME, values(1)[API_SECRET])
        written = rotate(world.store, TWO, values(2), change(world.clock), sleep=no_sleep)
        assert any("rolled back" in notice for notice in written.notices)
        assert seen_by_reader(world.store) == 2
        assert clean(world)

    def test_without_the_right_to_read_it_is_replaced_and_says_what_is_lost(self, world: World) -> None:
        make_legacy(world.store, 1)
        store = denying(
            world.store,
            lambda operation, name: operation in ("read_current", "read_version") and not name.endswith(FREEZE),
            Denied("No right to read."),
        )
        written = rotate(store, TWO, values(2), change(world.clock), sleep=no_sleep)
        assert any("rolled back" in notice for notice in written.notices)
        assert seen_by_reader(world.store) == 2
        assert clean(world)
        with pytest.raises(Incomplete, match="another tool"):
            roll_back(world.store, TWO, change(world.clock), sleep=no_sleep)

    def test_an_adoption_never_brings_an_older_value_back_over_a_newer_one(self, world: World) -> None:
        make_legacy(world.store, 1)
        # Right after its values were read, somebody rotates the pair.
        reads: list[int] = []

        def hook(operation: str, _name: str, _run: object) -> None:
            if operation == "read_version":
                reads.append(1)
            elif reads and operation in ("describe", "put") and len(reads) < 99:
                reads.extend([1] * 99)
                turn(world, 2)

        with pytest.raises(Conflict):
            adopt(HookedStore(world.store, hook), TWO, change(world.clock, by="bob"), sleep=no_sleep)
        assert seen_by_reader(world.store) == 2
        assert clean(world)

    def test_of_two_who_rotate_it_the_loser_hears_of_the_other_one(self, world: World) -> None:
        make_legacy(world.store, 1)
        store = once_before(world.store, "read_current", LEADER_NAME, lambda: turn(world, 2))
        with pytest.raises(Conflict):
            turn(world, 3, store=store)
        assert seen_by_reader(world.store) == 2
        assert clean(world)

    def test_the_expected_version_holds_for_the_legacy_one(self, world: World) -> None:
        make_legacy(world.store, 1)
        seen = world.store.describe(LEADER_NAME).current
        rotate(world.store, TWO, values(2), change(world.clock), expected=seen, sleep=no_sleep)
        assert seen_by_reader(world.store) == 2

    def test_a_pair_in_the_middle_of_another_tools_change_is_not_handed_out(self, world: World) -> None:
        make_legacy(world.store, 1)
        world.clock.forward(minutes=5)
        put_foreign(world.store, LEADER_NAME, values(2)[API_KEY])
        waits: list[float] = []

        def finish_meanwhile(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 1:
                put_foreign(world.store, FOLLOWER_NAME, values(2)[API_SECRET])

        pair = read_pair(world.store, TWO, sleep=finish_meanwhile)
        assert serial_of(pair.values) == 2

    def test_another_tools_pair_under_one_id_is_proven_though_its_label_is_gone(self, world: World) -> None:
        shared = str(uuid.uuid4())
        for part, value in values(1).items():
            world.store.put_secret_value(secret_name(TWO, part), shared, value)
        for serial in (8, 9):
            put_foreign(world.store, FOLLOWER_NAME, values(serial)[API_SECRET])
        assert state_of(world.store) is PairState.FOREIGN_FOLLOWER
        assert seen_by_reader(world.store) == 1
        turn(world, 2)
        assert seen_by_reader(world.store) == 2


class TestRollBack:
    @BOTH
    def test_labels_only_and_the_true_age(self, world: World, ref: CredentialRef) -> None:
        first = save(world, 1, ref)
        world.clock.forward(days=30)
        second = turn(world, 2, ref)
        calls: list[str] = []
        store = HookedStore(world.store, lambda operation, name, _: calls.append(f"{operation} {name}"))
        written = roll_back(store, ref, change(world.clock), sleep=no_sleep)
        assert (written.version_id, written.replaced) == (first, second)
        assert version_time(written.version_id) == START
        assert seen_by_reader(world.store, ref) == 1
        assert clean(world, ref)
        reads = [call for call in calls if call.startswith("read") and not call.endswith(FREEZE)]
        assert reads == []
        moves = [call.rpartition("/")[2] for call in calls if call.startswith("move_stage")]
        assert moves[0] == LEADER, "the commit comes first"
        assert not any(call.startswith(("put", "create")) for call in calls)

    def test_again_is_redo(self, world: World) -> None:
        save(world, 1)
        turn(world, 2)
        for expected in (1, 2, 1):
            roll_back(world.store, TWO, change(world.clock), sleep=no_sleep)
            assert seen_by_reader(world.store) == expected

    def test_to_a_chosen_version_by_id_or_tail(self, world: World) -> None:
        versions = [save(world, 1), turn(world, 2), turn(world, 3), turn(world, 4)]
        roll_back(world.store, TWO, change(world.clock), to=versions[0], sleep=no_sleep)
        assert seen_by_reader(world.store) == 1
        roll_back(world.store, TWO, change(world.clock), to=versions[1][-12:], sleep=no_sleep)
        assert seen_by_reader(world.store) == 2
        assert clean(world)

    def test_what_it_refuses(self, world: World) -> None:
        with pytest.raises(NotFound):
            roll_back(world.store, TWO, change(world.clock), sleep=no_sleep)
        first = save(world, 1)
        with pytest.raises(NotFound, match="earlier"):
            roll_back(world.store, TWO, change(world.clock), sleep=no_sleep)
        with pytest.raises(NotFound, match="such"):
            roll_back(world.store, TWO, change(world.clock), to=new_version_id(START), sleep=no_sleep)
        with pytest.raises(Refused, match="current"):
            roll_back(world.store, TWO, change(world.clock), to=first, sleep=no_sleep)
        delete(world.store, TWO)
        with pytest.raises(ScheduledForDeletion):
            roll_back(world.store, TWO, change(world.clock), to=first, sleep=no_sleep)

    def test_it_heals_torn_where_all_parts_have_the_older_version(self, world: World) -> None:
        save(world, 1)
        put_foreign(world.store, LEADER_NAME, Secret("another-tools-key"))
        roll_back(world.store, TWO, change(world.clock), sleep=no_sleep)
        assert seen_by_reader(world.store) == 1
        assert clean(world)

    def test_it_leaves_no_label_on_the_version_it_leaves(self, world: World) -> None:
        save(world, 1)
        die_after_commit(world, 2)
        roll_back(world.store, TWO, change(world.clock), sleep=no_sleep)
        assert seen_by_reader(world.store) == 1
        assert clean(world)

    def test_a_second_operator_loses_cleanly(self, world: World) -> None:
        save(world, 1)
        turn(world, 2)
        store = once_before(world.store, f"move_stage {CURRENT}", LEADER_NAME, lambda: turn(world, 3))
        with pytest.raises(Conflict):
            roll_back(store, TWO, change(world.clock, by="bob"), sleep=no_sleep)
        assert seen_by_reader(world.store) == 3
        assert clean(world)


def save_and_delete(world: World) -> None:
    save(world, 1)
    delete(world.store, TWO)


class TestRepair:
    def test_missing(self, world: World) -> None:
        with pytest.raises(NotFound):
            repair(world.store, TWO, world.clock(), sleep=no_sleep)

    @BOTH
    def test_a_sound_credential_is_left_alone(self, world: World, ref: CredentialRef) -> None:
        save(world, 1, ref)
        turn(world, 2, ref)
        before = world.store.list_metadata("")
        result = repair(world.store, ref, world.clock(), sleep=no_sleep)
        assert (result.before, result.after, result.done, result.advice) == (PairState.PAIRED, PairState.PAIRED, (), "")
        assert world.store.list_metadata("") == before

    def test_mid_promotion_is_finished_and_its_label_tidied(self, world: World) -> None:
        save(world, 1)
        die_after_commit(world, 2)
        result = repair(world.store, TWO, world.clock(), sleep=no_sleep)
        assert (result.before, result.after) == (PairState.MID_PROMOTION, PairState.PAIRED)
        assert result.done
        assert clean(world)
        assert seen_by_reader(world.store) == 2

    def test_a_label_that_was_not_tidied(self, world: World) -> None:
        save(world, 1)
        version_id = die_after_commit(world, 2)
        old = world.store.describe(FOLLOWER_NAME).current
        world.store.move_stage(FOLLOWER_NAME, CURRENT, to=version_id, expected=old)
        assert state_of(world.store) is PairState.PAIRED
        result = repair(world.store, TWO, world.clock(), sleep=no_sleep)
        assert result.done
        assert clean(world)

    def test_a_foreign_follower_is_brought_back(self, world: World) -> None:
        version_id = save(world, 1)
        for serial in (8, 9):  # twice, so that ours has no label any more
            put_foreign(world.store, FOLLOWER_NAME, values(serial)[API_SECRET])
        result = repair(world.store, TWO, world.clock(), sleep=no_sleep)
        assert (result.before, result.after) == (PairState.FOREIGN_FOLLOWER, PairState.PAIRED)
        assert set(current_of(world.store).values()) == {version_id}
        assert seen_by_reader(world.store) == 1

    @pytest.mark.parametrize("parts", [[API_SECRET], [API_SECRET, API_KEY]], ids=["follower", "both"])
    def test_what_is_staged_is_left_alone_for_a_quarter_of_an_hour(self, world: World, parts: list[str]) -> None:
        save(world, 1)
        world.clock.forward(days=1)
        stage(world, new_version_id(world.clock()), 2, parts)
        early = repair(world.store, TWO, world.clock() + timedelta(minutes=14), sleep=no_sleep)
        assert (early.after, early.done) == (PairState.PENDING, ())
        assert "repair" in early.advice
        late = repair(world.store, TWO, world.clock() + timedelta(minutes=16), sleep=no_sleep)
        assert (late.after, len(late.done)) == (PairState.PAIRED, 1)
        assert clean(world)
        assert seen_by_reader(world.store) == 1

    def test_the_age_of_a_value_is_not_the_age_of_its_staging(self, world: World) -> None:
        save(world, 1)
        world.clock.forward(days=60)
        stage(world, new_version_id(START), 2, [API_SECRET, API_KEY])  # an older value, stored again just now
        early = repair(world.store, TWO, world.clock() + timedelta(minutes=1), sleep=no_sleep)
        assert early.done == ()
        assert len(pending_labels(world.store)) == 2

    def test_a_clock_that_was_ahead_does_not_keep_a_dead_version(self, world: World) -> None:
        save(world, 1)
        stage(world, new_version_id(START + timedelta(days=400)), 2, [API_SECRET, API_KEY])
        repair(world.store, TWO, world.clock() + timedelta(minutes=16), sleep=no_sleep)
        assert clean(world)

    def test_two_dead_writers(self, world: World) -> None:
        save(world, 1)
        stage(world, new_version_id(START), 2, [API_SECRET, API_KEY])
        stage(world, new_version_id(START), 3, [API_SECRET])
        repair(world.store, TWO, world.clock() + timedelta(minutes=16), sleep=no_sleep)
        assert clean(world)
        assert seen_by_reader(world.store) == 1

    def test_what_another_tool_has_staged_is_left_alone(self, world: World) -> None:
        save(world, 1)
        stage(world, str(uuid.uuid4()), 2, [API_KEY])
        result = repair(world.store, TWO, world.clock() + timedelta(days=9), sleep=no_sleep)
        assert result.done == ()
        assert "nother tool" in result.advice
        assert len(pending_labels(world.store)) == 1

    def test_a_follower_that_cannot_be_moved_keeps_its_label(self, world: World) -> None:
        save(world, 1)
        version_id = die_after_commit(world, 2)
        stuck = denying(
            world.store,
            lambda operation, name: (operation, name) == (f"move_stage {CURRENT}", FOLLOWER_NAME),
            Denied("No right to do this."),
        )
        result = repair(stuck, TWO, world.clock() + timedelta(minutes=16), sleep=no_sleep)
        assert result.after is PairState.MID_PROMOTION
        assert "again" in result.advice
        assert world.store.describe(FOLLOWER_NAME).holds(version_id)

    def test_the_leftovers_of_an_interrupted_save_are_tidied_too(self, world: World) -> None:
        world.store.create(FOLLOWER_NAME, new_version_id(START), values(1)[API_SECRET])
        stage(world, new_version_id(START), 2, [API_SECRET])
        result = repair(world.store, TWO, world.clock() + timedelta(minutes=16), sleep=no_sleep)
        assert result.after is PairState.INCOMPLETE
        assert pending_labels(world.store) == {}

    @pytest.mark.parametrize(
        ("make", "state", "word"),
        [
            (lambda w: make_legacy(w.store, 1), PairState.LEGACY, "adopt"),
            (lambda w: (save(w, 1), put_foreign(w.store, LEADER_NAME, Secret("x"))), PairState.TORN, "rotate"),
            (lambda w: (save(w, 1), lose_follower(w)), PairState.INCOMPLETE, "rotate"),
            (lambda w: (save(w, 1), w.store.delete(LEADER_NAME)), PairState.HALF_DELETED, "restore"),
            (save_and_delete, PairState.DELETED, "restore"),
        ],
        ids=["legacy", "torn", "incomplete", "half-deleted", "deleted"],
    )
    def test_what_a_human_must_decide(
        self, world: World, make: Callable[[World], object], state: PairState, word: str
    ) -> None:
        make(world)
        before = world.store.list_metadata("")
        result = repair(world.store, TWO, world.clock(), sleep=no_sleep)
        assert (result.before, result.after, result.done) == (state, state, ())
        assert word in result.advice
        assert world.store.list_metadata("") == before


def stage(world: World, version_id: str, serial: int, parts: list[str]) -> None:
    for part in parts:
        world.store.put(secret_name(TWO, part), version_id, values(serial)[part], [PENDING])


FINISH: dict[str, Callable[[SecretStore, CredentialRef], object]] = {"delete": delete, "restore": restore}


class TestRemoval:
    @BOTH
    def test_deleted_and_restored(self, world: World, ref: CredentialRef) -> None:
        save(world, 1, ref)
        delete(world.store, ref)
        assert state_of(world.store, ref) is PairState.DELETED
        assert seen_by_reader(world.store, ref) == "deleted"
        with pytest.raises(ScheduledForDeletion):
            delete(world.store, ref)
        restore(world.store, ref)
        assert clean(world, ref)
        assert seen_by_reader(world.store, ref) == 1
        restore(world.store, ref)
        assert clean(world, ref)

    @BOTH
    def test_order(self, world: World, ref: CredentialRef) -> None:
        save(world, 1, ref)
        calls: list[tuple[str, str]] = []
        store = HookedStore(world.store, lambda operation, name, _: calls.append((operation, name.rpartition("/")[2])))
        delete(store, ref)
        restore(store, ref)
        assert next(part for operation, part in calls if operation == "delete") == LEADER
        assert [part for operation, part in calls if operation == "restore"][-1] == LEADER

    @BOTH
    @pytest.mark.parametrize("finish", ["delete", "restore"])
    def test_half_deleted_is_finished_by_either(self, world: World, ref: CredentialRef, finish: str) -> None:
        save(world, 1, ref)
        for gone in (LEADER, API_SECRET):  # as a killed delete and as a killed restore leave it
            world.store.delete(secret_name(ref, gone))
            assert state_of(world.store, ref) is PairState.HALF_DELETED
            assert seen_by_reader(world.store, ref) == "deleted"
            FINISH[finish](world.store, ref)
            assert state_of(world.store, ref) is (PairState.DELETED if finish == "delete" else PairState.PAIRED)
            restore(world.store, ref)
        assert seen_by_reader(world.store, ref) == 1

    def test_missing(self, world: World) -> None:
        for verb in (delete, restore):
            with pytest.raises(NotFound):
                verb(world.store, TWO)

    def test_what_was_never_complete_can_be_deleted(self, world: World) -> None:
        world.store.create(FOLLOWER_NAME, new_version_id(START), Secret("x"))
        delete(world.store, TWO)
        assert state_of(world.store) is PairState.DELETED

    def test_days_are_checked_before_anything_is_deleted(self, world: World) -> None:
        save(world, 1)
        with pytest.raises(InvalidValue):
            delete(world.store, TWO, recovery_days=3)
        assert seen_by_reader(world.store) == 1


class TestReading:
    def test_one_call_when_nothing_is_going_on(self, world: World) -> None:
        save(world, 1)
        calls: list[str] = []
        store = HookedStore(world.store, lambda operation, _name, _run: calls.append(operation))
        pair = read(store)
        assert calls == ["read_current"]
        assert (pair.state, pair.freeze.present) == (PairState.PAIRED, False)

    def test_the_freeze_comes_with_it_and_does_not_stop_it(self, world: World) -> None:
        save(world, 1)
        write_freeze(world.store, holds=HOLD)
        pair = read(world.store)
        assert pair.freeze.record is not None
        assert pair.freeze.record.hold_on(TWO) is not None

    def test_a_lagging_replica_is_waited_for(self, world: World) -> None:
        save(world, 1)
        version_id = die_after_commit(world, 2)
        misses = [NotFound("No such version."), NotFound("No such version.")]

        def lag(operation: str, _name: str, _run: object) -> None:
            if operation == "read_version" and misses:
                raise misses.pop()

        pair = read(HookedStore(world.store, lag))
        assert (serial_of(pair.values), pair.version_id) == (2, version_id)

    def test_an_error_of_a_part_is_told_and_not_taken_for_missing(self, world: World) -> None:
        save(world, 1)
        for name in (LEADER_NAME, FOLLOWER_NAME):
            with pytest.raises(Denied):
                read(unreadable(world.store, name))

    def test_half_deleted_is_told_before_anything_is_called_torn(self, world: World) -> None:
        make_legacy(world.store, 1, THREE)
        world.store.delete(secret_name(THREE, API_PASSPHRASE))
        with pytest.raises(ScheduledForDeletion):
            read(world.store, THREE)

    def test_no_error_holds_a_value(self, world: World, canary: Canary) -> None:
        typed = {API_KEY: Secret(canary.api_key), API_SECRET: Secret(canary.api_secret)}
        create(world.store, TWO, typed, change(world.clock), sleep=no_sleep)
        put_foreign(world.store, LEADER_NAME, Secret(canary.api_passphrase))
        with pytest.raises(Torn) as torn:
            read(world.store)
        with pytest.raises(CoreError) as stored:
            create(world.store, TWO, typed, change(world.clock), sleep=no_sleep)
        for error in (torn.value, stored.value):
            assert canary.leaks_in(f"{error!r} {error.hint} {error.path} {error.__context__!r}") == []

    def test_ids_of_ours_are_told_from_foreign_ones(self) -> None:
        assert is_ours(new_version_id(START))
        assert not is_ours(str(uuid.uuid4()))
