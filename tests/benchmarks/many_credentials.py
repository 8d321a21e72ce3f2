"""The console over a memory store with as many credentials as one asks for: ``python many_credentials.py 10000``."""

from __future__ import annotations

import sys
from datetime import timedelta

from secrets_core.clock import utc_now
from secrets_core.fingerprints import ensure_key
from secrets_core.names import CredentialRef, secret_name
from secrets_core.policy import default_policy
from secrets_core.secret import Secret
from secrets_core.service import Service
from secrets_core.settings import EnvironmentSettings, Settings
from secrets_core.stores.memory import MemoryStore
from secrets_core.tags import VersionRecord, format_record, record_key
from secrets_core.versions import new_version_id
from tui.app import OperatorConsole

ENVIRONMENT = "dev"


def filled(count: int) -> MemoryStore:
    """Make a store with so many sound credentials, each with the record that a writer of ours leaves."""
    store = MemoryStore(utc_now)
    now = utc_now()
    ensure_key(store, ENVIRONMENT, new_version_id(now))
    for number in range(count):
        ref = CredentialRef(ENVIRONMENT, f"bybit@a{number:05}")
        born = now - timedelta(days=number % 100)
        version_id = new_version_id(born, number)
        for part in ("api_secret", "api_key"):
            store.create(secret_name(ref, part), version_id, Secret(f"{part}-{number:020}"))
        hint = f"{number % 10_000:04}"
        record = VersionRecord(stored_at=born, fingerprint="A" * 10, by="alice", why="first", hint=hint)
        store.tag(secret_name(ref, "api_key"), {record_key(version_id): format_record(record)})
    return store


def main(count: int) -> int:
    """Open the console over the store; give its exit code."""
    settings = Settings(environments={ENVIRONMENT: EnvironmentSettings(ENVIRONMENT, default_policy(ENVIRONMENT))})
    store = filled(count)
    app = OperatorConsole(
        settings,
        lambda: Service(settings, variables={}, backend="memory", open_environment=lambda _: store),
        clock=utc_now,
    )
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
