"""The particulars of a credential or an environment, laid out as lines for the width there is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from tui import look
from tui.remedy import Remedy, command_line

if TYPE_CHECKING:
    from secrets_core.exchanges import Exchange
    from secrets_core.settings import EnvironmentSettings
    from secrets_core.views import CredentialRow, EnvironmentView, HistoryEntry

LABEL = 15
TWO_COLUMNS = 84
"""From this width on, versions and exchange stand beside the rest."""
_HOLDS = {"watch": "watches", "ttl": "lets go in time", "process": "keeps it until restarted"}


@dataclass(frozen=True, slots=True)
class CredentialParticulars:
    """Everything that is known of one credential."""

    row: CredentialRow
    exchange: Exchange
    settings: EnvironmentSettings | None
    remedy: Remedy
    history: tuple[HistoryEntry, ...] | None = None
    """``None`` while it is being loaded."""
    history_problem: str = ""
    age_problem: str = ""


@dataclass(frozen=True, slots=True)
class EnvironmentParticulars:
    """Everything that is known of one environment."""

    view: EnvironmentView
    settings: EnvironmentSettings | None
    now: datetime
    demo: bool


def credential_lines(known: CredentialParticulars, width: int) -> list[Content]:
    """Lay out a credential."""
    top = [*_head(known, width), *_age(known, width), Content("")]
    if width < TWO_COLUMNS:
        rest = [*_versions(known, width), Content(""), *_exchange(known, width)]
        return [*top, *_facts(known, width), Content(""), *rest]
    left = max(34, width * 3 // 8)
    right = width - left - 3
    return [*top, *beside(_facts(known, left), [*_versions(known, right), Content(""), *_exchange(known, right)], left)]


def labelled(label: str, content: Content | str, width: int, room: int = LABEL, style: str = "$muted") -> list[Content]:
    """Give a labelled entry, wrapped beside its label, which takes ``room`` cells."""
    body = content if isinstance(content, Content) else Content(content)
    lines = body.wrap(max(10, width - room)) or [Content("")]
    head = Content.styled(label.ljust(room), style)
    return [Content.assemble(head if at == 0 else " " * room, line) for at, line in enumerate(lines)]


def _title(words: str) -> Content:
    return Content.styled(words, "bold $muted")


def beside(left: Sequence[Content], right: Sequence[Content], width: int) -> list[Content]:
    """Give two columns, the left one ``width`` cells wide."""
    height = max(len(left), len(right))
    nothing = Content("")
    return [
        Content.assemble(
            look.fit(left[at] if at < len(left) else nothing, width),
            (" │ ", "$line"),
            right[at] if at < len(right) else nothing,
        )
        for at in range(height)
    ]


def _head(known: CredentialParticulars, width: int) -> list[Content]:
    row = known.row
    mark = look.condition_mark(row.condition.value)
    name = Content.assemble(
        (row.ref.environment, f"bold ${look.environment_colour(row.ref.environment)}"),
        ("/", "$muted"),
        (row.ref.exchange, "bold"),
        "   ",
        (f"{mark.glyph} {row.condition.value}", f"bold {mark.colour}"),
    )
    sentence = Content(look.plain(row.sentence))
    if name.cell_length + sentence.cell_length + 3 <= width:
        lines = [Content.assemble(name, "   ", sentence)]
    else:
        lines = [name, *sentence.wrap(width)]
    if known.remedy.command:
        lines += _command(known.remedy.command, width)
    elif known.remedy.sentence:
        lines += Content.styled(look.plain(known.remedy.sentence), "$muted").wrap(width)
    return lines


def _command(command: str, width: int) -> list[Content]:
    """Give a command line, broken as a shell reads it."""
    pieces = Content(command).wrap(width - 4)
    last = len(pieces) - 1
    return [
        Content.assemble(
            ("$ " if at == 0 else "    ", "$faint"),
            (piece.plain.rstrip(), "$primary"),
            (" \\" if at < last else "", "$faint"),
        )
        for at, piece in enumerate(pieces)
    ]


def _age(known: CredentialParticulars, width: int) -> list[Content]:
    """Say how old it is against its limit, who decides that, since when, and by when it is due."""
    age = known.row.age
    decides = "the exchange decides" if age.limit.decided_by == "exchange" else "policy decides"
    said = Content.assemble((look.age_words(age), f"bold {look.age_colour(age)}"), (f"  {decides}", "$muted"))
    if age.due_at is not None and age.status.value != "unknown" and known.row.deleted_at is None:
        said = Content.assemble(said, ("  due ", "$muted"), f"{look.utc_date(age.due_at)}, {look.due(age)}")
    bar = look.age_bar(age, max(8, min(24, width - said.cell_length - 2)))
    lines = [Content.assemble(bar, "  ", said)]
    if known.age_problem:
        lines.append(Content.styled(f"Its age was not looked up: {look.plain(known.age_problem)}", "$muted"))
    return lines


def _facts(known: CredentialParticulars, width: int) -> list[Content]:
    row = known.row
    lines: list[Content] = []
    for part in known.exchange.parts:
        shown = look.masked_key(row.key_hint) if part == "api_key" else look.HIDDEN_KEY
        lines += labelled(part, shown, width)
    lines += labelled("fingerprint", _or_none(row.fingerprint, "none"), width)
    if row.age.born is not None:
        ours = row.age.source.name == "VERSION_ID"
        source = "" if ours else f" ({row.age.source.value})"
        lines += labelled("born", Content.assemble(look.utc_stamp(row.age.born), (source, "$faint")), width)
    lines += labelled("stored", _stored(row), width)
    if row.pending_since is not None:
        by = f" by {look.operator_name(row.pending_by)}" if row.pending_by else ""
        lines += labelled("staged", f"{look.utc_stamp(row.pending_since)}{by}", width)
    if row.deleted_at is not None:
        lines += labelled("deleted", look.utc_stamp(row.deleted_at), width)
    if row.old_key is not None:
        due = f", due {look.utc_date(row.old_key.due)}" if row.old_key.due else ""
        lives = Content.styled(f"…{look.plain(row.old_key.version_tail[-4:])} lives{due}", "$old-alive")
        lines += labelled("old key", lives, width)
    bound = {True: "bound", False: "not bound", None: "not known"}[row.ip_bound]
    lines += labelled("IP list", Content.styled(bound, "" if row.ip_bound is not None else "$faint"), width)
    lines += labelled("owner", _or_none(row.owner, "none"), width)
    if row.note:
        lines += labelled("note", look.plain(row.note), width)
    lines += labelled("bots", _bots(known), width)
    return lines


def _or_none(text: str, otherwise: str) -> Content:
    return Content(look.plain(text)) if text else Content.styled(otherwise, "$faint")


def _stored(row: CredentialRow) -> Content:
    if row.stored_at is None and not row.by:
        return Content.styled("no record", "$faint")
    when = look.utc_stamp(row.stored_at) if row.stored_at else "?"
    who = look.operator_name(row.by) or "?"
    return Content.assemble(when, (" by ", "$muted"), who, (f", {look.plain(row.why)}" if row.why else "", "$muted"))


def _bots(known: CredentialParticulars) -> Content:
    ref = known.row.ref
    using = [
        f"{look.plain(bot.name)} ({_HOLDS.get(bot.holds) or look.plain(bot.holds)})"
        for bot in (known.settings.bots if known.settings else ())
        if ref.exchange in bot.exchanges or ref.venue in bot.exchanges
    ]
    return _or_none(" · ".join(using), "none in settings")


def _versions(known: CredentialParticulars, width: int) -> list[Content]:
    lines = [_title("versions")]
    if known.history_problem:
        return [*lines, *Content.styled(look.plain(known.history_problem), "$overdue").wrap(width)]
    if known.history is None:
        return [*lines, Content.styled("loading …", "$muted")]
    if not known.history:
        return [*lines, Content.styled("none", "$muted")]
    rows = [_version(entry, known.row.age.now) for entry in known.history]
    widths = [max(row[at].cell_length for row in rows) for at in range(len(_MATTERS))]
    columns = [at for at, room in enumerate(widths) if room]
    while len(columns) > 1 and sum(widths[at] + 2 for at in columns) - 2 > width:
        columns.remove(min(columns, key=_MATTERS.__getitem__))
    return lines + [Content("  ").join(look.fit(row[at], widths[at]) for at in columns) for row in rows]


_MATTERS = (9, 8, 2, 4, 7, 5, 3)
"""How much each column of the versions matters where there is no room for all."""


def _version(entry: HistoryEntry, now: datetime) -> list[Content]:
    """Give the columns: age, labels, date, key, what is wrong, by whom, why."""
    current = "AWSCURRENT" in entry.stages
    glyph, colour = ("●", "$primary") if current else ("○", "$muted") if entry.stages else ("·", "$faint")
    age = f"{max((now - entry.born) // look.DAY, 0)} d" if entry.born else "?"
    named = "$foreground" if current else "$muted"
    wrong = Content("")
    if entry.burned:
        wrong = Content.styled("✗ burned", "bold $broken")
    elif not entry.complete and entry.born_source.name == "VERSION_ID":
        wrong = Content.styled("not in every part", "$unsure")
    return [
        Content.assemble((glyph, colour), (f" {age:>5}", named)),
        Content.styled(look.plain(" ".join(entry.stages)), named),
        Content.styled(look.utc_date(entry.born) if entry.born else "?", "$muted"),
        Content.styled(look.masked_key(entry.key_hint), "$muted"),
        wrong,
        Content.styled(look.operator_name(entry.by), named),
        Content.styled(look.plain(entry.why), "$muted"),
    ]


def _exchange(known: CredentialParticulars, width: int) -> list[Content]:
    exchange, row = known.exchange, known.row
    room = 10
    lines = [_title(exchange.title if exchange.known else f"{look.plain(exchange.name)} (not in the catalogue)")]
    if exchange.api_page:
        lines.append(Content.styled(exchange.api_page, "$primary"))
    for at, rule in enumerate(exchange.expiry_rules):
        applies = rule.applies(ip_bound=row.ip_bound)
        ends = rule.kind in ("fixed", "event", "inactivity")
        glyph, colour = {True: ("◆", "$due-soon"), None: ("?", "$unsure"), False: ("·", "$faint")}[applies]
        doubt = " (not verified)" if rule.kind == "unverified" and ends else ""
        words = Content.assemble(
            (f"{glyph} " if ends or applies is None else "", colour),
            (rule.condition + doubt, "$faint" if applies is False else "$muted" if not ends else ""),
        )
        lines += labelled("" if at else "expiry", words, width, room)
    if exchange.known and not exchange.expiry_rules:
        lines += labelled("expiry", Content.styled("no rule is known", "$faint"), width, room)
    if exchange.revocation:
        lines += labelled("revoking", Content.styled(exchange.revocation, "$muted"), width, room)
    return lines


def environment_lines(known: EnvironmentParticulars, width: int) -> list[Content]:
    """Lay out an environment."""
    view, now = known.view, known.now
    mark = look.state_mark(view.state.value)
    lines = [
        Content.assemble(
            look.environment_badge(view.name), "   ", (f"{mark.glyph} {view.state.value}", f"bold {mark.colour}")
        ),
        Content(""),
    ]
    if view.rows:
        # Without rows the problem stands in the table's place.
        lines += problem_lines(view, width)
    identity = view.identity
    where = view.backend + (f" at {look.plain(view.endpoint_url)}" if view.endpoint_url else "")
    lines += labelled("backend", where, width)
    if identity is not None:
        if identity.account:
            lines += labelled("account", f"…{look.plain(identity.account[-4:])}", width)
        if identity.region:
            lines += labelled("region", look.plain(identity.region), width)
        lines += labelled("operator", look.plain(identity.operator), width)
        if identity.expires_at is not None:
            left = look.coarse(identity.expires_at - now)
            lines += labelled("lasts", f"{left}, until {look.utc_stamp(identity.expires_at)}", width)
    write = command_line("VERB", view.name, write=True, demo=known.demo)
    changes = f"refused until lifted: {write} …" if view.read_only else "allowed, on the command line"
    lines += labelled("changes", changes, width)
    if known.settings is not None:
        policy = known.settings.policy
        lines += labelled(
            "policy",
            f"rotate after {policy.rotation_days} d, warn {policy.warn_days} d before · legacy pairs: "
            f"{policy.legacy_pairs} · bots: {policy.mode.replace('_', ' ')}",
            width,
        )
    lines += labelled("freeze", _freeze(known), width)
    if view.listed_at is not None:
        counted = f"{look.count(view.counts.credentials, 'credential')} at {look.utc_time(view.listed_at)}"
        lines += labelled("listed", counted, width)
    if view.partial:
        words = "This identity may not list: only names known from settings or earlier are shown."
        lines += labelled("", Content.styled(words, "$overdue"), width)
    if view.emergency:
        refs = ", ".join(map(str, view.emergency))
        lines += labelled("emergency", f"{refs}: listed apart, never counted", width)
    if view.foreign:
        names = ", ".join(map(look.plain, view.foreign[:20]))
        more = f" and {len(view.foreign) - 20} more" if len(view.foreign) > 20 else ""
        lines += labelled("foreign", f"{len(view.foreign)} not ours: {names}{more}", width)
    for notice in view.notices:
        lines += labelled("notice", look.plain(notice), width)
    return lines


def _freeze(known: EnvironmentParticulars) -> Content:
    reading = known.view.freeze
    if reading is None:
        return Content.styled("not looked at yet", "$faint")
    if reading.record is None:
        return Content.styled(f"not confirmed: {look.plain(reading.reason)}", "$unsure")
    if reading.record.holds:
        return Content(" · ").join(
            Content.styled(look.plain(f"{hold.codename or hold.incident}: {', '.join(hold.scope)}"), "$frozen")
            for hold in reading.record.holds
        )
    if not reading.present:
        command = command_line("init", known.view.name, write=known.view.read_only, demo=known.demo)
        return Content.assemble("not set up yet: ", (command, "$primary"))
    return Content("not frozen")


def problem_lines(view: EnvironmentView, width: int) -> list[Content]:
    """Say what is the matter with an environment, what was tried, and what helps."""
    problem = view.problem
    if problem is None:
        return []
    lines = labelled("problem", Content.styled(f"{problem.title}. {look.plain(problem.message)}", "$broken"), width)
    if problem.hint:
        lines += labelled("try", look.plain(problem.hint), width)
    if problem.path and problem.path != view.name:
        lines += labelled("about", look.plain(problem.path), width)
    return lines


def overview_lines(known: Mapping[str, EnvironmentParticulars], names: Sequence[str], width: int) -> list[Content]:
    """Lay out all environments, one a line."""
    lines = [
        Content.assemble(look.environment_badge(None), "   ", (look.count(len(names), "environment"), "bold")),
        Content(""),
    ]
    cells = [_overview_cells(name, known.get(name)) for name in names]
    widths = [max((row[at].cell_length for row in cells), default=0) for at in range(len(cells[0]) if cells else 0)]
    for row in cells:
        lines.append(Content("  ").join(look.fit(cell, room) for cell, room in zip(row, widths, strict=True)))
    return [line.truncate(width, ellipsis=True) if line.cell_length > width else line for line in lines]


def _overview_cells(name: str, known: EnvironmentParticulars | None) -> list[Content]:
    title = Content.styled(look.plain(name), f"bold ${look.environment_colour(name)}")
    if known is None:
        return [title, Content.styled("… connecting", "$muted"), *[Content("")] * 4]
    view, identity = known.view, known.view.identity
    mark = look.state_mark(view.state.value)
    account = f" …{look.plain(identity.account[-4:])}" if identity and identity.account else ""
    region = look.plain(identity.region) if identity and identity.region else ""
    who = look.operator_name(identity.operator) if identity else ""
    if identity and identity.expires_at:
        who += f" ({look.coarse(identity.expires_at - known.now)} left)"
    data = look.utc_time(view.listed_at) if view.listed_at else ""
    return [
        title,
        Content.styled(f"{mark.glyph} {view.state.value}", mark.colour),
        Content(f"{view.backend}{account} {region}".rstrip()),
        Content.styled("read-only" if view.read_only else "writable", "$muted"),
        Content(who),
        Content.styled(data, "$muted"),
    ]
