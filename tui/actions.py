"""One table of everything the console can do: from it come the key bindings, the palette, the help and docs/keys.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

from tui.look import key_name, key_names

Scope = Literal["app", "browse", "lines", "dialog"]
"""Whose bindings an action belongs to: the whole console, the browse screen, everything with lines, or a dialog."""


@dataclass(frozen=True, slots=True)
class ConsoleAction:
    """One thing the console can do."""

    id: str
    """By which the settings file's ``[keymap]`` names it."""
    keys: str
    """Textual's names of its keys, separated by commas."""
    label: str
    """A word or two for the key bar."""
    tooltip: str
    """What it does, as a sentence."""
    area: str
    """In the palette it is called ``area: label``."""
    scope: Scope
    action: str
    """The ``action_`` method of its scope."""
    rank: int = 0
    """Its place in the key bar; 0: not shown there."""
    priority: bool = False
    """Its key is looked at before the focused widget sees it, so that what is typed right after it goes to the right
    place."""
    in_palette: bool = True
    can_be_greyed: bool = False
    """At times it can not be done, and the key then says why."""
    family: str = ""
    """Keys of one kind, told once for all of them."""

    @property
    def title(self) -> str:
        """Its name in the palette."""
        return f"{self.area}: {self.label}"


def _environment(number: int) -> ConsoleAction:
    return ConsoleAction(
        f"browse.environment_{number}",
        str(number),
        f"environment {number}",
        "Show the environment with this number in the list; 0 shows all of them.",
        "go",
        "browse",
        f"environment({number})",
        in_palette=False,
        family="0 … 9",
    )


ACTIONS: tuple[ConsoleAction, ...] = (
    ConsoleAction(
        "browse.details",
        "enter",
        "details",
        "Give the details of the selected credential all the room; again, or esc, goes back.",
        "view",
        "browse",
        "details",
        rank=1,
        can_be_greyed=True,
        in_palette=False,
    ),
    ConsoleAction(
        "browse.filter",
        "slash",
        "filter",
        "Type to filter; paste a key id to ask whose it is (it is hidden at once).",
        "find",
        "browse",
        "filter",
        rank=2,
        priority=True,
    ),
    ConsoleAction(
        "browse.sort", "o", "sort", "Sort by the next column.", "sort", "browse", "sort", rank=3, can_be_greyed=True
    ),
    ConsoleAction(
        "browse.reverse",
        "O",
        "reverse",
        "Reverse the order.",
        "sort",
        "browse",
        "reverse",
        can_be_greyed=True,
    ),
    ConsoleAction(
        "browse.refresh",
        "ctrl+r,f5",
        "refresh",
        "List again what is shown, and try again what did not answer.",
        "view",
        "browse",
        "refresh",
        rank=4,
    ),
    ConsoleAction(
        "browse.previous",
        "left_square_bracket,left",
        "previous environment",
        "Show the environment before this one.",
        "go",
        "browse",
        "step(-1)",
    ),
    ConsoleAction(
        "browse.next",
        "right_square_bracket,right",
        "next environment",
        "Show the environment after this one.",
        "go",
        "browse",
        "step(1)",
    ),
    *(_environment(number) for number in range(10)),
    ConsoleAction(
        "browse.copy_name",
        "c",
        "copy name",
        "Send the credential's name (never a key) to the terminal's clipboard.",
        "copy",
        "browse",
        "copy_name",
        can_be_greyed=True,
    ),
    ConsoleAction(
        "browse.back",
        "escape",
        "back",
        "One step back: close the details, clear the filter, return to the table, show all environments.",
        "view",
        "browse",
        "back",
        rank=8,
        in_palette=False,
    ),
    ConsoleAction(
        "browse.next_pane",
        "tab",
        "next pane",
        "Go to the next pane: environments, filter, table, details.",
        "view",
        "browse",
        "app.focus_next",
        in_palette=False,
    ),
    ConsoleAction(
        "browse.previous_pane",
        "shift+tab",
        "previous pane",
        "Go to the pane before.",
        "view",
        "browse",
        "app.focus_previous",
        in_palette=False,
    ),
    ConsoleAction("lines.up", "up,k", "up", "One line up.", "move", "lines", "move(-1)", in_palette=False),
    ConsoleAction("lines.down", "down,j", "down", "One line down.", "move", "lines", "move(1)", in_palette=False),
    ConsoleAction("lines.page_up", "pageup", "page up", "One page up.", "move", "lines", "page(-1)", in_palette=False),
    ConsoleAction(
        "lines.page_down", "pagedown", "page down", "One page down.", "move", "lines", "page(1)", in_palette=False
    ),
    ConsoleAction("lines.first", "g,home", "first", "To the first line.", "move", "lines", "first", in_palette=False),
    ConsoleAction("lines.last", "G,end", "last", "To the last line.", "move", "lines", "last", in_palette=False),
    ConsoleAction("app.theme", "t", "next theme", "Change to the next theme.", "theme", "app", "next_theme"),
    ConsoleAction(
        "app.help",
        "question_mark,f1",
        "help",
        "Show every key that works here, what the signs mean, and how changes are made.",
        "help",
        "app",
        "help",
        rank=5,
    ),
    ConsoleAction(
        "app.palette",
        "ctrl+p",
        "commands",
        "Find a command, an environment or a credential by typing.",
        "help",
        "app",
        "palette",
        rank=6,
        priority=True,
        in_palette=False,
    ),
    ConsoleAction("app.quit", "q", "quit", "Leave the console.", "app", "app", "quit", rank=7),
    ConsoleAction(
        "app.quit_anywhere",
        "ctrl+q",
        "quit",
        "Leave the console, also from a field or a dialog.",
        "app",
        "app",
        "quit",
        rank=7,
        priority=True,
        in_palette=False,
    ),
    ConsoleAction(
        "app.how_to_quit", "ctrl+c", "how to quit", "Say how to quit.", "app", "app", "how_to_quit", in_palette=False
    ),
    ConsoleAction("dialog.close", "escape", "close", "Close it.", "view", "dialog", "close", rank=1, in_palette=False),
)
BY_ID = {action.id: action for action in ACTIONS}


def bindings(scope: Scope) -> list[Binding]:
    """Give the bindings of one scope; the settings' keymap finds them by their ids."""
    return [
        Binding(
            action.keys,
            action.action,
            action.label,
            show=bool(action.rank),
            tooltip=action.tooltip,
            id=action.id,
            priority=action.priority,
        )
        for action in ACTIONS
        if action.scope == scope
    ]


def explanations() -> list[Binding]:
    """Give bindings for the whole console that a greyed key falls through to: they say why it is greyed."""
    return [
        Binding(action.keys, f"explain('{action.id}')", show=False, id=action.id, system=True)
        for action in ACTIONS
        if action.can_be_greyed
    ]


def unknown_ids(keymap: Iterable[str]) -> list[str]:
    """Give the ids of a keymap that no action has."""
    return sorted(set(keymap) - set(BY_ID))


def clashes(keymap: Mapping[str, str]) -> dict[str, list[str]]:
    """Give the keys that would belong to several actions at once under a keymap, each with those actions' ids."""
    owners: dict[str, list[str]] = {}
    for action in ACTIONS:
        if action.scope != "dialog":
            for key in keymap.get(action.id, action.keys).split(","):
                owners.setdefault(key_name(key.strip()), []).append(action.id)
    return {key: ids for key, ids in owners.items() if len(ids) > 1}


SCOPE_TITLES: dict[Scope, str] = {
    "browse": "Browsing",
    "lines": "Everything with lines",
    "app": "Everywhere",
    "dialog": "In a dialog",
}


def keys_page() -> str:
    """Give docs/keys.md."""
    lines = [
        "# Keys",
        "",
        "This page is made from the console's table of actions (`tui/actions.py`) by `python -m tui.shots`.",
        "In the console `?` shows the same for the keys in force.",
        "",
        "Another key for an action is set in the settings file, by the action's id:",
        "",
        "```toml",
        "[keymap]",
        '"browse.refresh" = "f6,ctrl+r"',
        "```",
        "",
        "The palette (`ctrl+p`) finds most of these by name (`area: what it does`), and every environment and",
        "credential (`go: prod / bybit@mm1`). Nothing in the console changes a credential: that is done on the command",
        "line, and the details of a credential name the command.",
    ]
    for scope, title in SCOPE_TITLES.items():
        lines += ["", f"## {title}", "", "| keys | id | what it does |", "|---|---|---|"]
        told: set[str] = set()
        for action in ACTIONS:
            if action.scope != scope or (action.family and action.family in told):
                continue
            told.add(action.family)
            keys = action.family or key_names(action.keys.split(","))
            shown = " ".join(f"`{key}`" for key in keys.split(" ") if key) if not action.family else f"`{keys}`"
            identity = "browse.environment_0 … _9" if action.family else action.id
            lines.append(f"| {shown} | `{identity}` | {action.tooltip} |")
    return "\n".join(lines) + "\n"
