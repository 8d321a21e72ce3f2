"""One call with an end: it never lasts past its deadline, and it knows whether its request may have taken effect.

botocore's timeouts are per read from the socket, so a server that drips keeps a call alive for as long as it likes.
Its answer to a changing call that ends badly does not say whether the request was delivered either; the events
around each attempt do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_HERE = threading.local()


class Abandoned(Exception):
    """Stops an attempt of a call whose deadline has passed, before anything is sent."""


class Flight:
    """One call on its way, through all its attempts."""

    __slots__ = ("_abandoned", "_lock", "_lost", "_under_way")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._abandoned = False
        self._under_way = False
        self._lost = False

    def depart(self) -> None:
        """Note that a request goes out now; raise ``Abandoned`` when nobody waits for it any more."""
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._under_way = True

    def land(self, *, settled: bool) -> None:
        """Note that the attempt ended; ``settled`` when it is certain what became of it."""
        with self._lock:
            self._lost = self._lost or (self._under_way and not settled)
            self._under_way = False

    def abandon(self) -> None:
        """Let no further attempt go out."""
        with self._lock:
            self._abandoned = True

    @property
    def may_have_happened(self) -> bool:
        """Whether a request of this call may have taken effect without an answer that says so."""
        with self._lock:
            return self._lost or self._under_way

    @contextmanager
    def in_this_thread(self) -> Iterator[None]:
        """Count the attempts that botocore makes in this thread as this call's."""
        _HERE.flight = self
        try:
            yield
        finally:
            _HERE.flight = None


def watch(client: Any) -> None:
    """Have a botocore client report its attempts to the flight of the thread that makes them."""
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-send.{service}", _before_send)
    client.meta.events.register(f"response-received.{service}", _response_received)


def _before_send(**_event: object) -> None:
    flight: Flight | None = getattr(_HERE, "flight", None)
    if flight is not None:
        flight.depart()


def _response_received(
    *, response_dict: Mapping[str, Any] | None, exception: Exception | None, **_event: object
) -> None:
    from botocore import exceptions

    flight: Flight | None = getattr(_HERE, "flight", None)
    if flight is None:
        return
    not_delivered = (
        exceptions.EndpointConnectionError,
        exceptions.ConnectTimeoutError,
        exceptions.ProxyConnectionError,
        Abandoned,
    )
    answered = exception is None and response_dict is not None and response_dict["status_code"] < 500
    flight.land(settled=answered or isinstance(exception, not_delivered))


def finish_within(seconds: float, work: Callable[[], T]) -> T:
    """Give what ``work`` gives; raise ``TimeoutError`` when it has not ended after ``seconds``.

    It runs in a daemon thread, which holds up neither the caller nor the end of the process.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - carried over to the caller
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="aws-call").start()
    return future.result(seconds)
