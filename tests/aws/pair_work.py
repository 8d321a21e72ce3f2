"""What the other processes do: writers, readers and a naive reader, each with a store of its own over HTTP."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from secrets_core.clock import utc_now
from secrets_core.errors import Conflict, CoreError
from secrets_core.exchanges import parts_of
from secrets_core.names import CredentialRef, parse_ref, secret_name
from secrets_core.pairs import Change, Written, create, delete, read_pair, restore, roll_back, rotate
from secrets_core.stores.aws import AwsStore
from secrets_core.stores.aws_options import AwsOptions, Patience
from tests.aws_server.account import REGION
from tests.aws_server.process import AwsServer
from tests.pairs.support import KEY, serial_of, values

Verb = Callable[[AwsStore, CredentialRef, int], object]


def processes() -> ForkServerContext:
    """Give the context whose processes start at once: they are forked from one that has the SDK loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "boto3", "secrets_core.stores.aws", __name__])
    return context


@dataclass(frozen=True, slots=True)
class Place:
    """What another process needs to open the store."""

    endpoint: str
    environment: Mapping[str, str]

    @classmethod
    def of(cls, server: AwsServer) -> Place:
        """Give the place of a server, seen by its administrator."""
        return cls(server.endpoint, server.environment())

    def open(self, attempts: int = 1) -> AwsStore:
        """Open the store in this process; ``attempts`` counts requests, the first one included."""
        os.environ.update(self.environment)
        patience = Patience(connect_seconds=5, read_seconds=15, attempts=attempts, deadline_seconds=20)
        return AwsStore(AwsOptions(region=REGION, endpoint_url=self.endpoint, patience=patience))


def change_by(operator: str) -> Change:
    """Give a change made now."""
    return Change(by=operator, why="scheduled", now=utc_now(), fingerprint_key=KEY)


VERBS: dict[str, Verb] = {
    "save": lambda store, ref, serial: create(store, ref, values(serial, ref), change_by("alice")),
    "rotate": lambda store, ref, serial: rotate(store, ref, values(serial, ref), change_by("alice")),
    "roll back": lambda store, ref, _serial: roll_back(store, ref, change_by("alice")),
    "delete": lambda store, ref, _serial: delete(store, ref),
    "restore": lambda store, ref, _serial: restore(store, ref),
}


def carry_out(place: Place, verb: str, ref: str, serial: int, report: Connection | None = None) -> None:
    """Make one change; report the version it wrote, or the name of its error."""
    try:
        done = VERBS[verb](place.open(), parse_ref(ref), serial)
        outcome = ("done", done.version_id if isinstance(done, Written) else "")
    except CoreError as error:
        outcome = (type(error).__name__, error.message)
    if report is not None:
        report.send(outcome)


def write_on(place: Place, ref: str, first_serial: int, seconds: float, report: Connection) -> None:
    """Rotate again and again, and roll every fifth one back; report successes, conflicts, and other errors."""
    store, target = place.open(attempts=2), parse_ref(ref)
    done = conflicts = 0
    others: list[str] = []
    end = time.monotonic() + seconds
    for serial in itertools.count(first_serial):
        if time.monotonic() > end:
            break
        try:
            VERBS["roll back" if serial % 5 == 4 else "rotate"](store, target, serial)
            done += 1
        except Conflict:
            conflicts += 1
        except CoreError as error:
            others.append(f"{type(error).__name__}: {error.message}")
    report.send((done, conflicts, others))


def read_on(place: Place, ref: str, seconds: float, report: Connection) -> None:
    """Read again and again as a bot does; report the reads, the torn ones, and every refusal."""
    store, target = place.open(attempts=2), parse_ref(ref)
    reads = torn = 0
    refusals: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            serial_of(read_pair(store, target).values, target)
        except AssertionError:
            torn += 1
        except CoreError as error:
            refusals.append(f"{type(error).__name__}: {error.message}")
        reads += 1
    report.send((reads, torn, refusals))


def read_naively(place: Place, ref: str, seconds: float, report: Connection) -> None:
    """Read part by part, as one would without the protocol; report the same."""
    store, target = place.open(attempts=2), parse_ref(ref)
    reads = torn = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        parts = {part: store.get_secret_value(secret_name(target, part)) for part in parts_of(target.exchange)}
        try:
            serial_of(parts, target)
        except AssertionError:
            torn += 1
        reads += 1
    report.send((reads, torn, []))


class Child:
    """Another process, and what it reports."""

    def __init__(self, work: Callable[..., None], *arguments: object, reports: bool = True) -> None:
        context = processes()
        self._receiver, sender = context.Pipe(duplex=False)
        rest = (sender,) if reports else ()
        self.process: ForkServerProcess = context.Process(target=work, args=(*arguments, *rest), daemon=True)
        self.process.start()
        sender.close()

    def report(self, seconds: float = 30.0) -> Any:
        """Give what it reported at its end, and wait for it."""
        assert self._receiver.poll(seconds), "no report came"
        content = self._receiver.recv()
        self.process.join(10)
        assert self.process.exitcode == 0
        self._receiver.close()
        return content

    def kill(self) -> None:
        """End it at once, as kill -9 does."""
        self.process.kill()
        self.process.join(10)
        self._receiver.close()
