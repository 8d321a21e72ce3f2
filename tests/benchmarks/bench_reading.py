"""What reading a credential costs a bot: a hit, a cold read, a stampede, and the import."""

from __future__ import annotations

import functools
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from aws_secretsmanager_caching import SecretCache

from secrets_core import SecretProvider, clear_cache, get_api_credentials, get_secret_provider, watch
from secrets_core.errors import CoreError
from secrets_core.stores.base import SecretVersion
from secrets_core.stores.memory import MemoryStore
from tests.benchmarks.ratio import Ratio, best_times

KEY, SECRET = "k" * 18, "s" * 36
NAMES = ("mm-bot/dev/bybit/api_key", "mm-bot/dev/bybit/api_secret")
THREADS = 8
IMPORT_AND_READ = """
from secrets_core import get_api_credentials
get_api_credentials("dev", "bybit")
"""
BARE_CLIENT = """
import boto3
boto3.client("secretsmanager", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
"""


class CountingStore(MemoryStore):
    """A memory store that counts its calls and can take its time, as a network does."""

    def __init__(self, delay_seconds: float = 0) -> None:
        super().__init__()
        self.calls = 0
        self._delay_seconds = delay_seconds

    def read_current(self, names: Sequence[str]) -> dict[str, SecretVersion | CoreError]:
        self.calls += 1
        time.sleep(self._delay_seconds)
        return super().read_current(names)


class FakeClient:
    """As much of the boto3 client as the caching library calls: it answers at once, and hits never reach it."""

    def __init__(self, delay_seconds: float = 0) -> None:
        self.calls = 0
        self._delay_seconds = delay_seconds

    def describe_secret(self, **request: Any) -> dict[str, Any]:
        self.calls += 1
        time.sleep(self._delay_seconds)
        return {"Name": request["SecretId"], "VersionIdsToStages": {"v1": ["AWSCURRENT"]}}

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        self.calls += 1
        time.sleep(self._delay_seconds)
        value = KEY if request["SecretId"].endswith("key") else SECRET
        return {
            "ARN": f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{request['SecretId']}",
            "Name": request["SecretId"],
            "VersionId": "v1",
            "SecretString": value,
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": datetime(2026, 1, 1, tzinfo=UTC),
        }


@contextmanager
def no_settings() -> Iterator[dict[str, str]]:
    """Give variables that keep this machine's settings and identity out."""
    with TemporaryDirectory() as empty:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MM_"))}
        yield kept | {"SECRETS_BACKEND": "memory", "XDG_CONFIG_HOME": empty}


@contextmanager
def one_credential() -> Iterator[SecretProvider]:
    """Put one credential behind the module functions, in memory, whatever this machine's settings say."""
    with no_settings() as variables, patch.dict(os.environ, variables, clear=True):
        clear_cache()
        provider = get_secret_provider("dev")
        provider.save_credentials("dev", "bybit", KEY, SECRET)
        yield provider
        clear_cache()


def hits() -> list[Ratio]:
    """Compare a hit with the two caches that bots use today."""
    with one_credential() as provider:
        watching = watch("dev", "bybit")
        credentials = get_api_credentials("dev", "bybit")
        plain = functools.lru_cache(maxsize=32)(lambda environment, exchange: credentials)
        library = SecretCache(client=FakeClient())

        def library_pair() -> object:
            return library.get_secret_string(NAMES[0]), library.get_secret_string(NAMES[1])

        took = best_times(
            {
                "lru_cache": lambda: plain("dev", "bybit"),
                "function": lambda: get_api_credentials("dev", "bybit"),
                "provider": lambda: provider.get_api_credentials("dev", "bybit"),
                "nothing": lambda: None,
            },
            number=10_000,
            rounds=60,
        )
        took |= best_times({"library": library_pair}, number=500)
        watching.stop()
    # The lambda that timeit calls is not what is compared.
    net = {name: seconds - took["nothing"] for name, seconds in took.items()}
    detail = "{:.0f} ns against {:.0f} ns"

    def against(name: str, other: str) -> str:
        return detail.format(net[name] * 1e9, net[other] * 1e9)

    return [
        Ratio(
            "hit, watched: get_api_credentials vs functools.lru_cache",
            net["function"] / net["lru_cache"],
            3,
            detail=against("function", "lru_cache"),
        ),
        Ratio(
            "hit: SecretProvider vs functools.lru_cache",
            net["provider"] / net["lru_cache"],
            3,
            detail=against("provider", "lru_cache"),
        ),
        Ratio(
            "hit: faster than aws-secretsmanager-caching, per pair",
            net["library"] / net["function"],
            20,
            "at least",
            detail=against("function", "library"),
        ),
    ]


def loads(store_calls: Callable[[], int], read: Callable[[], object], threads: int) -> int:
    """Give how many calls reach the backend when so many threads read at once."""
    everyone = threading.Barrier(threads)

    def bot() -> None:
        everyone.wait()
        read()

    before = store_calls()
    bots = [threading.Thread(target=bot) for _ in range(threads)]
    for each in bots:
        each.start()
    for each in bots:
        each.join()
    return store_calls() - before


def cold_reads() -> list[Ratio]:
    """Count the calls that a cold read makes, alone and in a stampede."""
    store = CountingStore(delay_seconds=0.05)
    provider = SecretProvider(store, variables={})
    provider.save_credentials("dev", "bybit", KEY, SECRET)
    counts = []
    for threads in (1, THREADS):
        provider.clear_cache()
        read = functools.partial(provider.get_api_credentials, "dev", "bybit")
        counts.append(loads(lambda: store.calls, read, threads))
    client = FakeClient(delay_seconds=0.05)
    library = SecretCache(client=client)
    theirs = loads(lambda: client.calls, lambda: [library.get_secret_string(name) for name in NAMES], THREADS)
    return [
        Ratio("calls of a cold read (both parts and the freeze record)", counts[0], 1, unit="calls"),
        Ratio(
            f"calls of {THREADS} threads on a cold entry",
            counts[1],
            1,
            unit="calls",
            detail=f"aws-secretsmanager-caching: {theirs}, without a freeze record",
        ),
    ]


def processor_seconds(script: str, variables: dict[str, str]) -> float:
    """Give the processor time of a fresh interpreter; unlike the clock's it is the same on a busy machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", script], check=True, env=variables)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def imports() -> list[Ratio]:
    """Compare the start of a bot that reads from memory with that of bare Python and of a bare boto3 client."""
    seed = f'{{"mm-bot/dev/bybit": {{"api_key": "{KEY}", "api_secret": "{SECRET}"}}}}'
    scripts = {
        "bare": "pass",
        "import": "from secrets_core import get_api_credentials",
        "read": IMPORT_AND_READ,
        "client": BARE_CLIENT,
    }
    took = dict.fromkeys(scripts, float("inf"))
    with no_settings() as variables:
        variables["MM_FAKE_SECRETS_JSON"] = seed
        for _ in range(9):
            for name, script in scripts.items():
                took[name] = min(took[name], processor_seconds(script, variables))
    net = {name: seconds - took["bare"] for name, seconds in took.items()}
    return [
        Ratio(
            "import and one memory read vs import of boto3 and one client",
            net["read"] / net["client"],
            1,
            detail=f"{net['read'] * 1e3:.0f} ms against {net['client'] * 1e3:.0f} ms above bare Python",
        ),
        Ratio(
            "import and one memory read vs bare Python",
            took["read"] / took["bare"],
            detail=f"{took['read'] * 1e3:.0f} ms against {took['bare'] * 1e3:.0f} ms",
        ),
        Ratio(
            "from secrets_core import get_api_credentials, alone",
            net["import"] * 1e3,
            unit="ms",
            detail="of processor time above bare Python",
        ),
    ]


def run() -> list[Ratio]:
    """Measure everything about reading."""
    return [*hits(), *cold_reads(), *imports()]
