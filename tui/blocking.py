"""Awaiting a blocking call without a pool that it could starve and without ever holding up the console's end.

Not ``asyncio.to_thread`` nor Textual's thread workers: both use the loop's executor, whose few threads a hanging
backend fills, and which is joined when the loop ends.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

Result = TypeVar("Result")


async def call_blocking(
    function: Callable[[], Result], seconds: float | None = None, *, started: list[threading.Thread] | None = None
) -> Result:
    """Run ``function`` in a daemon thread of its own and give what it gives, or raise what it raises.

    Raises ``TimeoutError`` after so many seconds. The thread itself runs on then, as it does after a cancellation, and
    what it gives is dropped. ``started`` takes the thread, for whoever wants to know how many still run.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - carried over to whoever awaits it
            _hand_over(loop, partial(_fail, done, error))
        else:
            _hand_over(loop, partial(_succeed, done, result))

    thread = threading.Thread(target=run, daemon=True, name="backend call")
    if started is not None:
        started.append(thread)
    thread.start()
    async with asyncio.timeout(seconds):
        return await done


def _hand_over(loop: asyncio.AbstractEventLoop, settle: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        # The loop is closed: the console has gone, and nobody waits for this any more.
        return


def _succeed(done: asyncio.Future[Result], result: Result) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[Result], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
