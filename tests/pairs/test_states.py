"""``classify`` over everything that labels can say: named cases, all placements on two parts, samples of three."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_core.names import API_KEY, API_PASSPHRASE, API_SECRET
from secrets_core.pairs import Classified, PairState, Parts, classify
from secrets_core.stores.base import CURRENT, PENDING, PREVIOUS, SecretMetadata
from secrets_core.versions import is_ours, new_version_id
from tests.pairs.support import START

OURS = [new_version_id(START + timedelta(days=day)) for day in range(3)]
FOREIGN = ["0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"]
A, B, C = OURS
F, G = FOREIGN


def part(
    current: str | None, pending: str | None = None, previous: str | None = None, gone: bool = False
) -> SecretMetadata:
    labels = {CURRENT: current, PENDING: pending, PREVIOUS: previous}
    stages = {label: version for label, version in labels.items() if version is not None}
    return SecretMetadata("mm-bot/dev/x/part", stages, deleted_at=START if gone else None)


def two(leader: SecretMetadata | None, follower: SecretMetadata | None) -> Parts:
    return {API_KEY: leader, API_SECRET: follower}


def three(leader: SecretMetadata | None, *followers: SecretMetadata | None) -> Parts:
    return {API_KEY: leader, **dict(zip((API_SECRET, API_PASSPHRASE), followers, strict=True))}


class Case(NamedTuple):
    name: str
    parts: Parts
    state: PairState
    version_id: str | None = None
    pending: str | None = None


CASES = [
    Case("nothing", two(None, None), PairState.MISSING),
    Case("a first save died before the leader", two(None, part(A)), PairState.INCOMPLETE),
    Case("a follower was never made", two(part(A), None), PairState.INCOMPLETE, A),
    Case("names without any version", two(part(None), part(None)), PairState.INCOMPLETE),
    Case("a leader without a version", two(part(None), part(A)), PairState.INCOMPLETE),
    Case("a follower without a version", two(part(A), part(None)), PairState.INCOMPLETE, A),
    Case("one of three missing", three(part(A), part(A), None), PairState.INCOMPLETE, A),
    Case("all deleted", two(part(A, gone=True), part(A, gone=True)), PairState.DELETED),
    Case("deleted, of what was never complete", two(None, part(A, gone=True)), PairState.DELETED),
    Case("leader deleted", two(part(A, gone=True), part(A)), PairState.HALF_DELETED),
    Case("follower still deleted", two(part(A), part(A, gone=True)), PairState.HALF_DELETED),
    Case("one of three deleted", three(part(A), part(A, gone=True), part(A)), PairState.HALF_DELETED),
    Case("one version everywhere", two(part(A), part(A)), PairState.PAIRED, A),
    Case("another tool gave one id to both", two(part(F), part(F)), PairState.PAIRED, F),
    Case("staged on the follower", two(part(A), part(A, B)), PairState.PENDING, A, B),
    Case("staged on both", two(part(A, B), part(A, B)), PairState.PENDING, A, B),
    Case("two dead writers", two(part(A, B), part(A, C)), PairState.PENDING, A, B),
    Case("promoted, the label not tidied", two(part(B, B, A), part(B, B, A)), PairState.PAIRED, B),
    Case("the leader has moved", two(part(B, B, A), part(A, B)), PairState.MID_PROMOTION, B, B),
    Case(
        "one follower of two has moved", three(part(B, B, A), part(B, B, A), part(A, B)), PairState.MID_PROMOTION, B, B
    ),
    Case("rolled back on the leader", two(part(A, None, B), part(B, None, A)), PairState.MID_PROMOTION, A),
    Case("adopted on the leader", two(part(A, A, F), part(G, A)), PairState.MID_PROMOTION, A, A),
    Case("another tool wrote the follower", two(part(A), part(F, None, A)), PairState.FOREIGN_FOLLOWER, A),
    Case("of three, too", three(part(A), part(A), part(F, None, A)), PairState.FOREIGN_FOLLOWER, A),
    Case("another tool wrote the leader", two(part(F, None, A), part(A)), PairState.TORN, F),
    Case("another tool wrote the follower twice", two(part(A), part(G, None, F)), PairState.TORN, A),
    Case("nothing in common, all ours", two(part(A), part(B)), PairState.TORN, A),
    Case("all foreign", two(part(F), part(G)), PairState.LEGACY, F),
    Case("all foreign, of three", three(part(F), part(G), part(F)), PairState.LEGACY, F),
    Case("all foreign, one staged by us", two(part(F), part(G, A)), PairState.LEGACY, F, A),
    Case("two foreign, one ours", three(part(F), part(G), part(A)), PairState.TORN, F),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_named_states(case: Case) -> None:
    found = classify(case.parts)
    assert found.state is case.state
    assert found.version_id == case.version_id
    if found.state is not PairState.MID_PROMOTION:
        assert found.pending == case.pending


def test_a_hidden_version_turns_a_suspicion_of_torn_into_what_it_is() -> None:
    parts = two(part(A), part(G, None, F))
    assert classify(parts, {API_SECRET: frozenset({A, F, G})}).state is PairState.FOREIGN_FOLLOWER
    assert classify(parts, {API_SECRET: frozenset({F, G})}).state is PairState.TORN
    rolled_back = two(part(A, None, C), part(C, None, B))
    assert classify(rolled_back).state is PairState.TORN
    assert classify(rolled_back, {API_SECRET: frozenset({A, B, C})}).state is PairState.MID_PROMOTION


def check(parts: Parts, hidden: dict[str, frozenset[str]] | None) -> Classified:
    """Hold what must be true of every classification, in words of the invariant, not of the code."""
    found = classify(parts, hidden)
    present = [metadata for metadata in parts.values() if metadata is not None]
    gone = [metadata for metadata in present if metadata.deleted_at is not None]
    if not present or gone:
        expected = PairState.MISSING if not present else PairState.DELETED
        assert found.state is (expected if len(gone) == len(present) else PairState.HALF_DELETED)
        return found
    leader = parts[API_KEY]
    currents = [metadata.current if metadata else None for metadata in parts.values()]
    if None in currents:
        assert found.state is PairState.INCOMPLETE
        return found
    assert leader is not None
    assert found.version_id == leader.current is not None
    lacking = [
        metadata
        for name, metadata in parts.items()
        if metadata is not None and found.version_id not in {*metadata.stages.values(), *(hidden or {}).get(name, ())}
    ]
    staged = {metadata.stages.get(PENDING) for metadata in present} - {None, found.version_id}
    equal = len(set(currents)) == 1
    assert (found.state in (PairState.PAIRED, PairState.PENDING)) == equal
    if equal:
        assert (found.state is PairState.PENDING) == bool(staged)
    assert found.pending is None or found.pending in {metadata.stages.get(PENDING) for metadata in present}
    has_all = not equal and not lacking
    assert (found.state in (PairState.MID_PROMOTION, PairState.FOREIGN_FOLLOWER)) == has_all
    foreign = not any(is_ours(current) for current in currents)
    assert (found.state is PairState.LEGACY) == (not equal and bool(lacking) and foreign)
    assert (found.state is PairState.TORN) == (not equal and bool(lacking) and not foreign)
    if found.state is PairState.FOREIGN_FOLLOWER:
        assert any(current != found.version_id and not is_ours(current) for current in currents)
    return found


def test_all_placements_on_two_parts() -> None:
    ids = [None, A, B, F, G]
    metadata = [None, *(part(*labels) for labels in itertools.product(ids, ids, ids)), part(A, gone=True)]
    seen = set()
    for leader, follower in itertools.product(metadata, metadata):
        parts = two(leader, follower)
        seen.add(check(parts, None).state)
        seen.add(check(parts, {API_SECRET: frozenset({A, F})}).state)
    assert seen == set(PairState)


placements = st.builds(
    part,
    st.sampled_from([*OURS, *FOREIGN, None]),
    st.sampled_from([None, *OURS, *FOREIGN]),
    st.sampled_from([None, *OURS, *FOREIGN]),
    st.sampled_from([False] * 8 + [True]),
)
maybe = st.one_of(placements, placements, placements, placements, st.none())
hidden_ids = st.frozensets(st.sampled_from([*OURS, *FOREIGN]))


@given(maybe, maybe, maybe, st.none() | st.fixed_dictionaries({API_SECRET: hidden_ids, API_PASSPHRASE: hidden_ids}))
def test_three_parts(
    leader: SecretMetadata | None,
    second: SecretMetadata | None,
    third: SecretMetadata | None,
    hidden: dict[str, frozenset[str]] | None,
) -> None:
    found = check(three(leader, second, third), hidden)
    swapped = hidden and {API_SECRET: hidden[API_PASSPHRASE], API_PASSPHRASE: hidden[API_SECRET]}
    again = check(three(leader, third, second), swapped)
    assert (found.state, found.version_id) == (again.state, again.version_id), "the order of followers decides nothing"


@given(placements, placements, hidden_ids)
def test_more_knowledge_only_clears_a_suspicion(
    leader: SecretMetadata, follower: SecretMetadata, hidden: frozenset[str]
) -> None:
    before = classify(two(leader, follower)).state
    after = classify(two(leader, follower), {API_SECRET: hidden}).state
    if before is not after:
        assert before in (PairState.TORN, PairState.LEGACY)
        assert after in (PairState.MID_PROMOTION, PairState.FOREIGN_FOLLOWER)
