"""The first two lines: where one is and who acts there, and what is the matter over all environments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from textual.content import Content
from textual.widgets import Static

from tui import look
from tui.totals import Sign, Totals, signs, totals_over

if TYPE_CHECKING:
    from secrets_core.views import EnvironmentView

_WIDE = 110
FAILED = ("denied", "unreachable")
"""The environment states that leave no new data."""


@dataclass(frozen=True, slots=True)
class Place:
    """Everything the two lines say."""

    environment: str | None
    names: Sequence[str]
    views: Mapping[str, EnvironmentView]
    now: datetime
    demo: bool
    busy: Collection[str]
    """Environments that are being listed because an operator asked for it."""
    late_after: float
    """Seconds after which data are called old."""

    @property
    def shown(self) -> list[EnvironmentView]:
        """The views of what is shown."""
        return [self.views[name] for name in self.shown_names if name in self.views]

    @property
    def shown_names(self) -> Sequence[str]:
        """The names of what is shown."""
        return self.names if self.environment is None else [self.environment]

    @property
    def waiting(self) -> list[str]:
        """The names of what is shown and has not answered yet."""
        views = ((name, self.views.get(name)) for name in self.shown_names)
        return [name for name, view in views if view is None or view.state.value == "connecting"]


class Words(Static):
    """Text that is painted only when it changes."""

    ALLOW_SELECT = False
    KEEPS_SIZE = False
    """Whether other text never needs other room."""

    def say(self, content: Content) -> None:
        """Show this; nothing is written to the terminal when it is there already."""
        before = self.content
        if not (isinstance(before, Content) and before.is_same(content)):
            self.update(content, layout=not self.KEEPS_SIZE)


class Line(Words):
    """One line of text."""

    KEEPS_SIZE = True
    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; text-wrap: nowrap; }
    """


def status_line(place: Place, width: int) -> Content:
    """Give the first line: environment, backend, account, region, operator, read-only; the data's age and the time."""
    badges = Content.assemble(
        look.environment_badge(place.environment), " " if place.demo else "", look.demo_badge() if place.demo else ""
    )
    right = _times(place, short=width < _WIDE)
    room = width - badges.cell_length - right.cell_length - 4
    facts = _facts(place, short=width < _WIDE)
    separator = Content.styled(" · ", "$faint")
    while facts and separator.join(content for _, content in facts).cell_length > room:
        facts.remove(min(facts, key=lambda fact: fact[0]))
    left = Content.assemble(badges, "  ", separator.join(content for _, content in facts))
    return Content.assemble(look.fit(left, width - right.cell_length - 1), right, " ")


def _facts(place: Place, *, short: bool) -> list[tuple[int, Content]]:
    """Give what there is to say of the place, each with how much it matters (the least goes first)."""
    views = place.shown
    if not views:
        return [(9, Content.styled("connecting …", "$muted"))]
    facts: list[tuple[int, Content]] = []
    if place.environment is None and not short:
        facts.append((2, Content.styled(look.count(len(place.names), "environment"), "$muted")))
    accounts = [view.identity.account for view in views if view.identity and view.identity.account]
    named = f" …{look.plain(accounts[0][-4:])}" if len(set(accounts)) == 1 else ""
    backend = " + ".join(dict.fromkeys(view.backend for view in views)) + named
    facts.append((8, Content.styled(backend, "$foreground")))
    if len(set(accounts)) > 1:
        facts.append((5, Content.styled(f"{len(set(accounts))} accounts", "$muted")))
    if endpoints := dict.fromkeys(view.endpoint_url for view in views if view.endpoint_url):
        host = urlsplit(next(iter(endpoints))).netloc
        more = f" +{len(endpoints) - 1}" if len(endpoints) > 1 else ""
        facts.append((7, Content.styled(f"⚑ {look.plain(host)}{more}", "bold $due-soon")))
    regions = dict.fromkeys(view.identity.region for view in views if view.identity and view.identity.region)
    if regions:
        facts.append((4, Content.styled("+".join(map(look.plain, regions)), "$muted")))
    if who := _operator(place, short=short):
        facts.append((6, who))
    read_only = [view.name for view in views if view.read_only]
    if place.environment is not None:
        word, colour = ("READ-ONLY", "bold $due-soon") if read_only else ("writable", "$muted")
        facts.append((7, Content.styled(word, colour)))
    elif read_only:
        facts.append((3, Content.styled(f"read-only: {', '.join(map(look.plain, read_only))}", "$muted")))
    return facts


def _operator(place: Place, *, short: bool) -> Content | None:
    known = [view.identity for view in place.shown if view.identity]
    names = list(dict.fromkeys(look.operator_name(identity.operator) for identity in known))
    if not names:
        return None
    who = names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"
    ends = min((identity.expires_at for identity in known if identity.expires_at), default=None)
    if ends is None:
        return Content.styled(who, "$foreground")
    left = ends - place.now
    if left.total_seconds() <= 0:
        return Content.assemble((who, "$foreground"), (" identity expired", "bold $broken"))
    colour = "$due-soon" if left < look.HOUR / 2 else "$muted"
    lasts = look.coarse(left).replace(" h ", "h").removesuffix(" min") if short else look.coarse(left)
    unit = "" if short and "h" in lasts else " min" if short and not lasts.endswith("d") else ""
    return Content.assemble((who, "$foreground"), (f" ({lasts}{unit} left)", colour))


def _times(place: Place, *, short: bool) -> Content:
    clock = Content.styled(place.now.strftime("%H:%MZ") if short else place.now.strftime("%H:%M UTC"), "$foreground")
    listed = [view.listed_at for view in place.shown if view.listed_at is not None]
    if any(name in place.busy for name in place.shown_names):
        return Content.assemble(("refreshing …", "$primary"), "   ", clock)
    if not listed:
        return clock
    oldest = min(listed)
    age = place.now - oldest
    late = age.total_seconds() > place.late_after
    words = f"data {look.utc_time(oldest)}" + ("" if short else f" · {look.minutes_old(age)}")
    return Content.assemble((words, "bold $overdue" if late else "$muted"), "   ", clock)


_WORDS = {
    "frozen": ("frozen", "frozen"),
    "torn": ("torn or incomplete", "broken"),
    "overdue": ("overdue", "overdue"),
    "due_within_7_days": ("due within 7 d", "≤7 d"),
    "old_key_alive": ("old key alive", "old key"),
    "unknown": ("unknown", "unknown"),
}


def glance_line(place: Place, width: int) -> Content:
    """Give the second line: the six numbers over all environments, whichever is shown, and who is not counted."""
    totals = totals_over(place.views.values())
    if totals is None:
        return Content.styled(" nothing is listed yet", "$muted")
    left_out = [name for name in place.names if name not in place.views or place.views[name].listed_at is None]
    stale = [name for name, view in place.views.items() if view.listed_at and view.state.value in FAILED]
    line = Content("")
    for short, brief, gap in ((False, False, "   "), (True, False, "  "), (True, True, "  "), (True, True, " ")):
        parts = [_frozen(place, totals, short), *(_number(sign, short, gap == " ") for sign in signs(totals)[1:])]
        if left_out:
            words = f"{len(left_out)} unlisted" if brief else f"not counted: {', '.join(left_out)}"
            parts.append(Content.styled(words, "$overdue"))
        if stale:
            words = f"{len(stale)} stale" if brief else f"old data: {', '.join(stale)}"
            parts.append(Content.styled(words, "$overdue"))
        line = Content(" ") + Content(gap).join(parts)
        if line.cell_length <= width:
            break
    return look.fit(line, width)


def _number(sign: Sign, short: bool, tight: bool) -> Content:
    word = _WORDS[sign.kind][short]
    space = "" if tight else " "
    if not sign.number:
        return Content.styled(f"{sign.glyph}{space}0 {word}", "$faint")
    return Content.assemble((f"{sign.glyph}{space}{sign.number} ", f"bold {sign.colour}"), (word, sign.colour))


def _frozen(place: Place, totals: Totals, short: bool) -> Content:
    mark = look.condition_mark("frozen")
    known = {name for name, view in place.views.items() if view.freeze is not None and view.freeze.record is not None}
    unsure = [name for name in place.names if name not in known]
    whole = [name for name, view in place.views.items() if view.frozen is not None]
    if totals.frozen or whole:
        return Content.styled(f"{mark.glyph} {totals.frozen} frozen", f"bold {mark.colour}")
    if unsure:
        words = "freeze" if short else f"freeze not confirmed in {', '.join(map(look.plain, unsure))}"
        return Content.styled(f"? {words}", "bold $unsure")
    return Content.styled("✓ not frozen", "$steady")


def where_line(environment: str | None, shown: int, total: int, deleted: int, order: str) -> Content:
    """Give the right end of the filter's line: where one is, how many rows, in which order, how many are deleted."""
    count = f"{total}" if shown == total else f"{shown} of {total}"
    # What is deleted is a row, but counts for nothing elsewhere.
    gone = f" · {deleted} deleted" if deleted else ""
    return Content.styled(f"{look.plain(environment or 'all')} · {count} · {order}{gone} ", "$muted")


def terminal_title(place: Place) -> str:
    """Give the terminal's title: the environment, the worst of it, and whether all this is a demo."""
    totals = totals_over(place.shown)
    worst = [f"{sign.number} {_WORDS[sign.kind][0]}" for sign in signs(totals) if sign.number] if totals else []
    failed = [f"{view.name} {view.state.value}" for view in place.shown if view.state.value in FAILED]
    demo = ["DEMO"] if place.demo else []
    return " · ".join(["mm-secrets", (place.environment or "all").upper(), *failed[:1], *worst[:1], *demo])
