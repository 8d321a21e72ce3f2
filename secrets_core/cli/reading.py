"""Commands that only look: a credential's masked values, its versions, and who looks."""

from __future__ import annotations

from datetime import datetime

from secrets_core.cli.options import ENVIRONMENT, EXCHANGE
from secrets_core.cli.output import Answer, iso, table
from secrets_core.cli.parsing import Option, Verb
from secrets_core.cli.session import BINDING, Session
from secrets_core.errors import NotFound, SettingsError
from secrets_core.names import check_environment
from secrets_core.stores.base import CURRENT
from secrets_core.versions import credible
from secrets_core.views import HistoryEntry

NETWORK = "EXCHANGE_ENV"
_ENVIRONMENT_OF = {"shadow": "shadow", "testnet": "testnet", "live": "prod"}


def fetch(session: Session) -> Answer:
    """Read a credential and print its mask: a check that it can be read, and never the values themselves."""
    ref = session.ref()
    masked = session.reader(ref.environment).fetch(ref).mask()
    shown = {name: text for name, text in masked.items() if name.startswith("api_")}
    return Answer({"credentials": masked}, "\n".join([f"{ref} can be read:", table(("PART", "VALUE"), shown.items())]))


def history(session: Session) -> Answer:
    """List a credential's versions, newest first."""
    ref = session.ref()
    try:
        entries = session.reader(ref.environment).history(ref)
    except NotFound:
        # The store names the part it did not find, not what was asked for.
        entries = ()
    if not entries:
        raise NotFound(f"There is no credential {ref}.", hint="Save one first.", path=str(ref))
    rows = [
        (
            entry.version_id[-12:],
            ", ".join(entry.stages) or "-",
            iso(entry.born) or "-",
            "burned" if entry.burned else "complete" if entry.complete else "not in every part",
            entry.key_hint and f"...{entry.key_hint}",
            entry.why,
            entry.by,
        )
        for entry in entries
    ]
    titles = ("VERSION", "LABELS", "BORN", "STATE", "KEY", "WHY", "BY")
    return Answer(
        {
            "count": len(entries),
            "env": ref.environment,
            "exchange": ref.exchange,
            "versions": [_version(entry, session.clock()) for entry in entries],
        },
        f"{ref}\n{table(titles, rows)}",
    )


def who_am_i(session: Session) -> Answer:
    """Tell which environment this process would use, where it lives, and who acts there.

    ``secret_env`` is ``--env``, else ``MM_ENV``, else the environment of the exchange network that ``EXCHANGE_ENV``
    names (shadow: shadow, testnet: testnet, live: prod), else dev. So paper trading on ``shadow`` reads the
    environment of that name, and an unknown network is an error: neither falls back to another environment.
    ``exchange_env`` is ``EXCHANGE_ENV`` as it is; shadow where it is not set.
    """
    network = session.variables.get(NETWORK)
    if network and network not in _ENVIRONMENT_OF:
        raise SettingsError(f"{NETWORK} is one of {', '.join(_ENVIRONMENT_OF)}.", path=NETWORK)
    bound = session.variables.get(BINDING)
    environment = check_environment(
        session.call.text("--env") or bound or (_ENVIRONMENT_OF[network] if network else "dev")
    )
    service = session.reader(environment)
    identity = service.connect(environment)
    fields: dict[str, object] = {
        "account": identity.account,
        "backend": service.blank(environment).backend,
        "exchange_env": network or "shadow",
        "expires": iso(identity.expires_at),
        "operator": identity.operator,
        "region": identity.region,
        "secret_env": environment,
    }
    rows = [(name, str(value)) for name, value in fields.items() if value is not None]
    return Answer(fields, table(("WHAT", "IS"), rows))


def _version(entry: HistoryEntry, now: datetime) -> dict[str, object]:
    born = credible(entry.born, now)
    return {
        "age_days": (now - born).days if born else None,
        "born": iso(entry.born),
        "born_source": entry.born_source.value,
        "burned": entry.burned,
        "by": entry.by,
        "complete": entry.complete,
        "created_at": iso(entry.created_at),
        "current": CURRENT in entry.stages,
        "fingerprint": entry.fingerprint,
        "key_hint": entry.key_hint,
        "stages": list(entry.stages),
        "stored_at": iso(entry.stored_at),
        "version": entry.version_id,
        "why": entry.why,
    }


VERBS = (
    Verb("fetch", "Read a credential and print its mask.", fetch, (ENVIRONMENT, EXCHANGE)),
    Verb("history", "List a credential's versions.", history, (ENVIRONMENT, EXCHANGE)),
    Verb(
        "whoami",
        "Tell who acts, on which backend and environment.",
        who_am_i,
        (Option("--env", "Ask about this environment.", "ENV", completes="environment"),),
    ),
)
