"""The pair protocol over HTTP, between processes that race, die, and lose answers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from secrets_core.clock import utc_now
from secrets_core.errors import Conflict, CoreError, OutcomeUnknown
from secrets_core.exchanges import parts_of
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.pairs import PairState, classify, delete, inspect, repair, restore, rotate
from secrets_core.stores.aws import AwsStore
from secrets_core.stores.base import CURRENT, SecretStore
from secrets_core.versions import new_version_id
from tests.aws.opening import Desk
from tests.aws.pair_work import VERBS, Child, Place, carry_out, change_by, read_naively, read_on, write_on
from tests.aws_server.faults import Fault, FaultKind
from tests.aws_server.process import wait_for
from tests.pairs.support import pending_labels, record_tags, seen_by_reader, state_of, values

Seen = int | str


def plant(store: SecretStore, ref: CredentialRef, serial: int) -> str:
    """Put a complete pair there in as few calls as can be; give its version."""
    version_id = new_version_id(utc_now() - timedelta(days=1))
    for part in reversed(parts_of(ref.exchange)):
        name, value = secret_name(ref, part), values(serial, ref)[part]
        if serial == 1:
            store.create(name, version_id, value)
        else:
            store.put(name, version_id, value, [CURRENT])
    return version_id


def planted(store: SecretStore, ref: CredentialRef) -> None:
    plant(store, ref, 1)


def planted_twice(store: SecretStore, ref: CredentialRef) -> None:
    plant(store, ref, 1)
    plant(store, ref, 2)


def planted_and_deleted(store: SecretStore, ref: CredentialRef) -> None:
    plant(store, ref, 1)
    delete(store, ref)


PREPARATIONS: dict[str, tuple[Callable[[SecretStore, CredentialRef], None] | None, Seen, Seen]] = {
    "save": (None, "missing", 3),
    "rotate": (planted, 1, 3),
    "roll back": (planted_twice, 2, 1),
    "delete": (planted, 1, "deleted"),
    "restore": (planted_and_deleted, "deleted", 1),
}
"""For each verb: what it starts from, and what a reader may see before and after it."""


def late_repair(store: SecretStore, ref: CredentialRef) -> None:
    repair(store, ref, utc_now() + timedelta(minutes=16))


def assert_clean(store: SecretStore, ref: CredentialRef, where: str) -> None:
    assert state_of(store, ref) is PairState.PAIRED, where
    assert pending_labels(store, ref) == {}, where


def killed_after_each_call(desk: Desk, verb: str, venue: str) -> Iterator[tuple[str, CredentialRef, bool]]:
    """Let another process make the change and kill it when so many of its calls were applied, for every number.

    Gives where that was, the credential, and whether the change was complete at last.
    """
    store = desk.store()
    prepare = PREPARATIONS[verb][0]
    for calls in range(99):
        ref = CredentialRef("dev", f"{venue}@{verb.replace(' ', '-')}{calls}")
        if prepare is not None:
            prepare(store, ref)
        desk.server.clear_calls()
        desk.server.faults(Fault("hold", after=calls))
        writer = Child(carry_out, Place.of(desk.server), verb, str(ref), 3, reports=False)
        complete = not stands_at_a_call(desk, writer)
        writer.kill()
        assert writer.process.exitcode == (0 if complete else -signal.SIGKILL)
        desk.server.clear_faults()
        yield f"killed after {calls} calls of {verb}", ref, complete
        if complete:
            return
    pytest.fail("it never ended")


def stands_at_a_call(desk: Desk, writer: Child) -> bool:
    """Wait until a writer is held at a call, or has ended; tell which."""

    def held() -> bool:
        return any(call.state == "held" for call in desk.server.calls())

    wait_for(lambda: held() or not writer.process.is_alive())
    return held()


def heal(store: AwsStore, ref: CredentialRef, seen: Seen, where: str, *, repair_first: bool) -> None:
    """Heal as whoever comes next would: by a late repair, or by the next change alone."""
    if seen == "deleted":
        restore(store, ref)
        seen = 1
    if repair_first and state_of(store, ref) is not PairState.MISSING:
        late_repair(store, ref)
        assert seen_by_reader(store, ref) == seen, where
        if seen != "missing":
            assert_clean(store, ref, where)
    VERBS["save" if seen == "missing" else "rotate"](store, ref, 9)
    assert_clean(store, ref, where)
    assert seen_by_reader(store, ref) == 9, where


@pytest.mark.parametrize(
    ("verb", "venue", "prune"),
    [
        ("save", "bybit", False),
        ("save", "kucoin", True),
        ("rotate", "bybit", False),
        ("rotate", "kucoin", True),
        ("roll back", "bybit", True),
        ("delete", "kucoin", False),
        ("restore", "kucoin", False),
    ],
)
def test_a_writer_killed_after_any_of_his_calls(desk: Desk, verb: str, venue: str, prune: bool) -> None:
    desk.server.set_prune_at_once(prune)
    before, after = PREPARATIONS[verb][1:]
    store = desk.store()
    witnessed: set[Seen] = set()
    for number, (where, ref, complete) in enumerate(killed_after_each_call(desk, verb, venue)):
        seen = seen_by_reader(store, ref)
        assert seen in ((after,) if complete else (before, after)), where
        witnessed.add(seen)
        heal(store, ref, seen, where, repair_first=number % 2 == 0)
    assert witnessed == {before, after}, "both sides of the commit were tried"


@pytest.mark.parametrize("verb", ["delete", "restore"])
def test_a_removal_killed_half_way_is_finished_by_repeating_either(desk: Desk, verb: str) -> None:
    store = desk.store()
    halves = 0
    for where, ref, _complete in killed_after_each_call(desk, verb, "kucoin"):
        if state_of(store, ref) is not PairState.HALF_DELETED:
            continue
        halves += 1
        assert seen_by_reader(store, ref) == "deleted", where
        assert repair(store, ref, utc_now()).after is PairState.HALF_DELETED, where
        if halves % 2:
            delete(store, ref)
            assert state_of(store, ref) is PairState.DELETED, where
        restore(store, ref)
        assert_clean(store, ref, where)
        assert seen_by_reader(store, ref) == 1, where
    assert halves >= 2, "at least one death between each two of three parts"


SECONDS = 8.0


def race(desk: Desk, ref: CredentialRef, *, writers: int, seconds: float) -> tuple[list[int], list[int], list[str]]:
    """Let readers read while writers write; give the readers' counts, the naive reader's, and all that was odd."""
    plant(desk.store(), ref, 1)
    place = Place.of(desk.server)
    naive = Child(read_naively, place, str(ref), seconds)
    readers = [Child(read_on, place, str(ref), seconds) for _ in range(3)]
    writing = [Child(write_on, place, str(ref), 1000 * (1 + number), seconds) for number in range(writers)]
    counts = [reader.report(seconds + 60) for reader in readers]
    naive_reads, naive_torn, _ = naive.report(60)
    written = [writer.report(60) for writer in writing]
    odd = [text for *_, texts in [*counts, *written] for text in texts]
    done = sum(result[0] for result in written)
    assert done >= 5, f"only {done} changes in {seconds} s"
    return [sum(count[0] for count in counts), sum(count[1] for count in counts)], [naive_reads, naive_torn], odd


def test_three_readers_against_two_writers(desk: Desk) -> None:
    ref = CredentialRef("dev", "bybit@race")
    (reads, torn), (naive_reads, naive_torn), odd = race(desk, ref, writers=2, seconds=SECONDS)
    assert torn == 0, f"{torn} of {reads} reads were torn"
    assert odd == [], "a reader or a writer was refused"
    assert naive_torn > 0, f"the control is worth nothing: none of {naive_reads} naive reads was torn"
    store = desk.store()
    late_repair(store, ref)
    assert_clean(store, ref, "after the race")
    assert isinstance(seen_by_reader(store, ref), int)


def test_readers_while_unlabelled_versions_vanish_at_once(desk: Desk) -> None:
    desk.server.set_prune_at_once(True)
    ref = CredentialRef("dev", "kucoin@race")
    (reads, torn), _naive, odd = race(desk, ref, writers=1, seconds=SECONDS / 2)
    assert torn == 0, f"{torn} of {reads} reads were torn"
    assert odd == []
    assert_clean(desk.store(), ref, "after the race")


@pytest.mark.parametrize("kind", ["lost", "duplicate"])
def test_lost_answers_and_double_deliveries_at_any_call(desk: Desk, kind: FaultKind) -> None:
    store = Place.of(desk.server).open(attempts=2)  # the SDK sends a call again when its answer does not come
    for calls in range(99):
        ref = CredentialRef("dev", f"bybit@{kind}{calls}")
        first = plant(store, ref, 1)
        desk.server.clear_calls()
        desk.server.faults(Fault(kind, after=calls, count=1))
        written = rotate(store, ref, values(3), change_by("alice"))
        disturbed = any(call.fault for call in desk.server.calls())
        desk.server.clear_faults()
        where = f"{kind} at call {calls + 1}"
        assert (written.replaced, written.notices) == (first, ()), where
        assert_clean(store, ref, where)
        assert seen_by_reader(store, ref) == 3, where
        assert len(record_tags(store, ref)) == 1, where
        if not disturbed:
            assert calls > 15, "all calls of a rotation were tried"
            return
    pytest.fail("it never ended")


def test_an_answer_that_never_comes_is_never_called_a_failure_or_a_success_wrongly(desk: Desk) -> None:
    store = desk.store()
    outcomes: set[str] = set()
    for calls in range(99):
        ref = CredentialRef("dev", f"bybit@once{calls}")
        plant(store, ref, 1)
        desk.server.clear_calls()
        desk.server.faults(Fault("lost", after=calls, count=1))
        where = f"lost at call {calls + 1}"
        outcome = "done"
        try:
            rotate(store, ref, values(3), change_by("alice"))
        except CoreError as error:
            outcome = error.code
            expected: tuple[Seen, ...] = (1, 3) if isinstance(error, OutcomeUnknown) else (1,)
        else:
            expected = (3,)
        disturbed = any(call.fault for call in desk.server.calls())
        desk.server.clear_faults()
        outcomes.add(outcome)
        seen = seen_by_reader(store, ref)
        assert seen in expected, f"{where}: it said {outcome}"
        late_repair(store, ref)
        assert_clean(store, ref, where)
        assert seen_by_reader(store, ref) == seen, where
        if not disturbed:
            assert outcomes >= {"done", "unreachable"}
            return
    pytest.fail("it never ended")


@pytest.mark.parametrize("verb", ["rotate", "save"])
def test_of_two_simultaneous_writers_one_gets_a_conflict_and_leaves_nothing(desk: Desk, verb: str) -> None:
    store, place = desk.store(), Place.of(desk.server)
    commit = "UpdateSecretVersionStage" if verb == "rotate" else "CreateSecret"
    for attempt in range(3):
        ref = CredentialRef("dev", f"bybit@both{attempt}")
        if verb == "rotate":
            plant(store, ref, 1)
        desk.server.clear_calls()
        # Both stand right before their commit at the same time, and then go on.
        desk.server.faults(Fault("hang", commit, name=secret_name(ref, LEADER), count=2, seconds=0.7))
        writers = {serial: Child(carry_out, place, verb, str(ref), serial) for serial in (5, 6)}
        desk.server.wait_until_held(2)
        outcomes = {serial: writer.report() for serial, writer in writers.items()}
        desk.server.clear_faults()
        kinds = sorted(outcome[0] for outcome in outcomes.values())
        assert kinds == [Conflict.__name__, "done"], outcomes
        winner, (_, version_id) = next((s, outcome) for s, outcome in outcomes.items() if outcome[0] == "done")
        assert seen_by_reader(store, ref) == winner
        assert store.describe(secret_name(ref, LEADER)).current == version_id
        assert_clean(store, ref, "no label of the loser is left")
        assert len(record_tags(store, ref)) == 1, "no record of the loser is left"


def test_a_lagging_listing_misleads_nobody_who_changes_something(desk: Desk) -> None:
    ref = CredentialRef("dev", "bybit@lag")
    here, there = desk.store(), desk.store()
    first = plant(here, ref, 1)
    desk.server.set_listing_lag(300)
    rotate(here, ref, values(2), change_by("alice"))

    def listed(store: AwsStore) -> tuple[PairState, str | None]:
        rows = {row.name: row for row in store.list_metadata(ref.base_name)}
        found = classify({part: rows.get(secret_name(ref, part)) for part in parts_of(ref.exchange)})
        return found.state, found.version_id

    assert listed(there) == (PairState.PAIRED, first), "the listing of somebody else still shows the old version"
    assert listed(here)[1] != first, "one's own writes are seen at once"
    assert inspect(there, ref)[1].version_id != first
    with pytest.raises(Conflict):
        rotate(there, ref, values(3), change_by("bob"), expected=first)
    assert seen_by_reader(there, ref) == 2
    assert_clean(there, ref, "after the refused rotation")
