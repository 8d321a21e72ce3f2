"""What the tests know of the console and its demo without asking the console: the core's own account of the demo."""

from __future__ import annotations

from typing import Protocol

from secrets_core.demo import demo_key_id, demo_service
from secrets_core.names import CredentialRef
from secrets_core.overview import needs_look_up, worst_first
from secrets_core.secret import Secret
from secrets_core.views import CredentialRow
from tests.terminal.terminal import Terminal

KEY_OF = CredentialRef("prod", "bybit@mm1")
"""The credential whose key id the tests paste."""
KEY_ID = demo_key_id(KEY_OF)
OLDER_KEY_ID = demo_key_id(KEY_OF, back=1)


class Start(Protocol):
    """Starts the console with arguments on a terminal of that size, with these variables besides the usual ones."""

    def __call__(
        self,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        env: dict[str, str] | None = None,
        planted: bool = False,
        hidden: tuple[str, ...] = (),
    ) -> Terminal: ...


def demo_rows() -> tuple[CredentialRow, ...]:
    """List every credential of the demo, worst first, with every age that can be known."""
    service = demo_service()
    rows: list[CredentialRow] = []
    for name in service.environments:
        for row in service.refresh(name).rows:
            if needs_look_up(row):
                service.look_up_age(row.ref)
        rows += service.view(name).rows
    return worst_first(rows)


def demo_values() -> list[str]:
    """Give the current values of every sound demo credential in clear: they are made up and open nothing."""
    service = demo_service()
    values: list[Secret] = []
    for row in DEMO:
        if row.pair_state.value == "paired":
            credentials = service.fetch(row.ref)
            values += [credentials.api_key, credentials.api_secret]
            values += [credentials.api_passphrase] if credentials.api_passphrase else []
    return [value.reveal() for value in values]


DEMO = demo_rows()


def wait_for_the_demo(terminal: Terminal) -> None:
    """Wait until the whole demo is listed and nothing changes any more."""

    def the_whole_demo(seen: Terminal) -> bool:
        return f"all · {len(DEMO)} · worst first" in seen.text

    terminal.wait_for(the_whole_demo)
    terminal.settle()


def wait_for_selected(terminal: Terminal, ref: CredentialRef) -> None:
    """Wait until the particulars are those of a credential: they begin with its name."""
    title = f"{ref}   "

    def the_particulars(seen: Terminal) -> bool:
        return any(line.strip(" ▌").startswith(title) or f" {title}" in line for line in seen.lines)

    terminal.wait_for(the_particulars)
