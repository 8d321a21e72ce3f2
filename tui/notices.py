"""Sentences for what stands out of the table: the banner above it, and the card in its place. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui import look
from tui.particulars import problem_lines
from tui.remedy import command_line

if TYPE_CHECKING:
    from secrets_core.freeze import FreezeRecord, Hold
    from secrets_core.views import EnvironmentView, Found, Match

_FAILED = ("denied", "unreachable")


def banner(views: Sequence[EnvironmentView], environment: str | None, refresh_key: str) -> list[Content]:
    """Give the lines above the table: what is frozen, which environment failed, what the listing could not see."""
    lines = [line for view in views for line in _freeze(view)]
    for view in views:
        if view.state.value in _FAILED and (environment is None or view.rows):
            mark = look.state_mark(view.state.value)
            since = f" Its rows are those of {look.utc_time(view.listed_at)}." if view.rows and view.listed_at else ""
            message = look.plain(view.problem.message) if view.problem else ""
            lines.append(
                Content.assemble(
                    (f"{mark.glyph} {view.name} {view.state.value}: ", f"bold {mark.colour}"),
                    f"{message}{since} ",
                    (refresh_key, "bold $primary"),
                    " tries again.",
                )
            )
        elif view.partial:
            words = f"{view.name}: this identity may not list, so only names that are known otherwise are shown."
            lines.append(Content.assemble(("⊘ ", "$overdue"), words))
    return lines


def _freeze(view: EnvironmentView) -> list[Content]:
    reading = view.freeze
    if reading is None:
        return []
    if reading.record is None:
        return [Content.assemble((f"? {view.name} freeze not confirmed: ", "bold $unsure"), look.plain(reading.reason))]
    return [_hold(view.name, hold, reading.record) for hold in reading.record.holds]


def _hold(environment: str, hold: Hold, record: FreezeRecord) -> Content:
    """Say what a hold does, and never less than what is still open: the old key trades until it is proven dead."""
    dead = any(entry.incident == hold.incident for entry in record.dead)
    scope = "everything" if "*" in hold.scope else ", ".join(map(look.plain, hold.scope))
    still = "The old key is proven dead." if dead else "THE LEAKED KEY STILL TRADES."
    by = f" by {look.operator_name(hold.by)}" if hold.by else ""
    return Content.assemble(
        (f"■ {environment}: READS BLOCKED. ", "bold $frozen"),
        (still, "bold $frozen" if dead else "bold $broken"),
        (f" {look.plain(hold.codename or hold.incident)}, {scope}{by}", "$muted"),
        (f" · {look.plain(hold.message)}" if hold.message else "", "$muted"),
    )


def searching_line() -> Content:
    """Say that an answer is still to come."""
    words = "The environments are still being listed; the answer follows when all of them have answered."
    return Content.assemble(("… Looking for that key. ", "bold"), (words, "$muted"))


def found_lines(found: Found | None, problem: str, names: Sequence[str]) -> list[Content]:
    """Say whose key it is, and what could not be checked; "nobody's" only where nothing is left to check."""
    if found is None:
        return [Content.assemble(("✗ The key could not be looked for. ", "bold $broken"), look.plain(problem))]
    if found.matches:
        lines = [_match(match) for match in found.matches]
    elif found.unchecked:
        words = "Adopt or rotate what has no fingerprint, and ask again."
        lines = [Content.assemble(("? Not found, but not everything could be checked. ", "bold $unsure"), words)]
    else:
        where = ", ".join(map(look.plain, names))
        lines = [Content.assemble(("○ Nobody's. ", "bold"), f"No recorded version in {where} has that key.")]
    if found.unchecked:
        gaps: dict[str, list[str]] = {}
        for name, why in found.unchecked:
            gaps.setdefault(look.plain(name), []).append(look.plain(why).rstrip("."))
        reasons = "; ".join(f"{name}: {', '.join(whys)}" for name, whys in gaps.items())
        lines.append(Content.assemble(("not checked  ", "$overdue"), reasons))
    return lines


def _match(match: Match) -> Content:
    which = (
        "its current key" if match.current else f"an older key of it (version …{look.plain(match.version_tail[-4:])})"
    )
    mark = ("✓ ", "bold $steady") if match.current else ("○ ", "bold $old-alive")
    return Content.assemble(mark, "That key is of ", (str(match.ref), "bold"), f": {which}.")


def card(
    view: EnvironmentView | None,
    *,
    waiting: Sequence[str],
    filtered: str,
    refresh_key: str,
    demo: bool,
    width: int,
) -> Content | None:
    """Give what stands in the table's place when it has no rows.

    ``view`` is that of the environment shown, or ``None`` for all of them; those in ``waiting`` have not answered yet.
    """
    if filtered:
        return _card("Nothing matches the filter.", [Content.assemble(("esc", "bold $primary"), " shows all again")])
    if waiting:
        return _card("… Connecting", [Content.styled(", ".join(map(look.plain, waiting)), "$muted")])
    if view is None:
        return _card("Nothing to show.", [Content("No environment that answered holds a credential.")])
    state = view.state.value
    mark = look.state_mark(state)
    if state == "empty":
        return _empty(view, demo)
    if state in _FAILED:
        tries = Content.assemble((refresh_key, "bold $primary"), " tries again; it is also tried by itself")
        return _card(
            f"{mark.glyph} {view.name} is {state}",
            [*problem_lines(view, min(width - 8, 76)), Content(""), tries],
            colour=mark.colour,
        )
    return None


def _empty(view: EnvironmentView, demo: bool) -> Content:
    command = command_line("save", view.name, "EXCHANGE", write=view.read_only, demo=demo)
    lines = [Content("Store the first credential with"), Content.styled(command, "$primary")]
    if view.backend == "memory":
        lines += [
            Content(""),
            Content.styled("The memory backend keeps nothing and shares nothing between programs:", "$muted"),
            Content.styled("MM_FAKE_SECRETS_JSON seeds it, SECRETS_BACKEND=aws chooses AWS.", "$muted"),
        ]
    if view.foreign:
        lines += [Content(""), Content.styled(f"{len(view.foreign)} names there are not ours.", "$muted")]
    return _card(f"○ {view.name} holds no credential", lines)


def _card(title: str, lines: Sequence[Content], *, colour: str = "$foreground") -> Content:
    return Content("\n").join([Content.styled(title, f"bold {colour}"), Content(""), *lines])
