"""Any sequence of operations gives the same results and the same kinds of error on a store and on its model."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from secrets_core.errors import CoreError
from secrets_core.secret import Secret
from secrets_core.stores.base import (
    CURRENT,
    GOOD,
    PENDING,
    PREVIOUS,
    SecretMetadata,
    SecretStore,
    SecretVersion,
)
from secrets_core.stores.memory import MemoryStore
from tests.aws.opening import Desk
from tests.stores.model import SOME_DAY, DictStore

VERSIONS = [f"01910000-0000-73b7-8000-{number:012}" for number in range(5)]
THERE, NOT_YET = "bybit/api_key", "okx/api_key"
NAMES = st.sampled_from([THERE, THERE, THERE, NOT_YET])
VERSION = st.sampled_from(VERSIONS)
VALUE = st.sampled_from(["one", "two"])
STAGES = st.sampled_from([[PENDING], [CURRENT], [GOOD], [PENDING, GOOD], [CURRENT, GOOD]])
STAGE = st.sampled_from([CURRENT, PENDING, GOOD, PREVIOUS])
TAGS = st.dictionaries(st.sampled_from(["team", "mm:owner"]), st.sampled_from(["a", "b"]), min_size=1)

_EXAMPLE = count()


def seen(read: Callable[[], object]) -> object:
    """Give what a user sees of a result, without dates; of an error, its kind."""
    try:
        result = read()
    except CoreError as error:
        return type(error)
    if isinstance(result, dict):
        return {name: plain(outcome) for name, outcome in result.items()}
    return [plain(row) for row in result] if isinstance(result, list) else plain(result)


def plain(result: object) -> object:
    match result:
        case CoreError():
            return type(result)
        case SecretVersion():
            return result.name, result.version_id, result.stages, result.value.reveal()
        case SecretMetadata():
            return result.name, dict(result.stages), dict(result.tags), result.deleted_at is None
        case _:
            return result


class Lockstep(RuleBasedStateMachine):
    """Does everything to both; ``observer`` is another view of the subject, which remembers nothing of the changes."""

    subject: SecretStore
    observer: SecretStore
    model: SecretStore
    prefix: str

    def name(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def same(self, act: Callable[[SecretStore], object]) -> None:
        assert seen(lambda: act(self.subject)) == seen(lambda: act(self.model))

    @initialize()
    def begin(self) -> None:
        for store in (self.subject, self.model):
            store.create(self.name(THERE), VERSIONS[0], Secret("one"))
            store.put(self.name(THERE), VERSIONS[1], Secret("one"), [PENDING])
            store.put(self.name(THERE), VERSIONS[2], Secret("two"), [GOOD])

    @rule(name=NAMES, version=VERSION, value=VALUE, tags=TAGS)
    def create(self, name: str, version: str, value: str, tags: dict[str, str]) -> None:
        self.same(lambda store: store.create(self.name(name), version, Secret(value), tags))

    @rule(name=NAMES, version=VERSION, value=VALUE, stages=STAGES)
    def put(self, name: str, version: str, value: str, stages: list[str]) -> None:
        self.same(lambda store: store.put(self.name(name), version, Secret(value), stages))

    @rule(name=NAMES, stage=STAGE, to=VERSION | st.none(), expected=VERSION | st.none())
    def move_blindly(self, name: str, stage: str, to: str | None, expected: str | None) -> None:
        self.move(name, stage, to, expected)

    @rule(stage=STAGE, to=VERSION | st.none())
    def move_knowingly(self, stage: str, to: str | None) -> None:
        self.move(THERE, stage, to, self.labels(THERE).get(stage))

    @rule(name=NAMES, tags=TAGS)
    def tag(self, name: str, tags: dict[str, str]) -> None:
        self.same(lambda store: store.tag(self.name(name), tags))

    @rule(name=NAMES, keys=st.lists(st.sampled_from(["team", "mm:owner"]), min_size=1, max_size=2, unique=True))
    def untag(self, name: str, keys: list[str]) -> None:
        self.same(lambda store: store.untag(self.name(name), keys))

    @rule(name=NAMES, back_soon=st.booleans())
    def delete(self, name: str, back_soon: bool) -> None:
        self.same(lambda store: store.delete(self.name(name)))
        self.same(lambda store: store.read_current([self.name(name)]))
        if back_soon:
            self.restore(name)

    @rule(name=NAMES)
    def restore(self, name: str) -> None:
        self.same(lambda store: store.restore(self.name(name)))

    @rule(name=NAMES, version=VERSION)
    def read_version(self, name: str, version: str) -> None:
        self.same(lambda store: store.read_version(self.name(name), version))

    @rule(names=st.lists(NAMES, max_size=3))
    def read_current(self, names: list[str]) -> None:
        self.same(lambda store: store.read_current([self.name(name) for name in names]))

    @rule(name=NAMES)
    def list_versions(self, name: str) -> None:
        def versions(store: SecretStore) -> object:
            return {version.version_id: version.stages for version in store.list_versions(self.name(name))}

        self.same(versions)

    @invariant()
    def all_is_alike(self) -> None:
        expected = seen(lambda: self.model.list_metadata(self.prefix))
        assert seen(lambda: self.observer.list_metadata(self.prefix)) == expected

    def teardown(self) -> None:
        expected = seen(lambda: self.model.list_metadata(self.prefix))
        assert seen(lambda: self.subject.list_metadata(self.prefix)) == expected

    def labels(self, name: str) -> dict[str, str]:
        found = self.model.describe_many([self.name(name)])
        return dict(found[0].stages) if found else {}

    def move(self, name: str, stage: str, to: str | None, expected: str | None) -> None:
        self.same(lambda store: store.move_stage(self.name(name), stage, to=to, expected=expected))


def test_the_memory_store_does_what_plain_dictionaries_do() -> None:
    class Memory(Lockstep):
        def __init__(self) -> None:
            super().__init__()
            self.prefix = "mm-bot/dev/"
            self.subject = self.observer = MemoryStore(lambda: SOME_DAY)
            self.model = DictStore()

    run_state_machine_as_test(Memory, settings=settings(max_examples=50, stateful_step_count=40, deadline=None))


def test_the_aws_store_does_what_the_memory_store_does(desk: Desk) -> None:
    subject, observer = desk.store(), desk.store()

    class Aws(Lockstep):
        def __init__(self) -> None:
            super().__init__()
            self.prefix = f"mm-bot/e{next(_EXAMPLE)}/"
            self.subject, self.observer = subject, observer
            self.model = MemoryStore(lambda: SOME_DAY)

    run_state_machine_as_test(
        Aws,
        settings=settings(
            max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
