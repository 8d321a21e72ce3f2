"""The last line: the keys that work here and now, made from the live bindings; a greyed one can not be done now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import events
from textual.content import Content

from tui import look
from tui.actions import BY_ID
from tui.widgets.status_line import Line

if TYPE_CHECKING:
    from textual.binding import ActiveBinding

_KEPT = ("app.help", "app.quit", "app.quit_anywhere", "browse.back")


class KeyBar(Line):
    """Keys by the rank that the table of actions gives them; those that have no room are left to the help."""

    def __init__(self, brand: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        """Take the words for the right end of the line."""
        super().__init__(id=id)
        self._brand = brand
        self._spans: list[tuple[int, int, ActiveBinding]] = []

    def show(self, active: Iterable[ActiveBinding]) -> None:
        """Show these bindings."""
        chosen: dict[str, ActiveBinding] = {}
        for binding in active:
            identity = binding.binding.id
            if identity in BY_ID and BY_ID[identity].rank and binding.binding.description:
                chosen.setdefault(identity, binding)
        if "app.quit" in chosen:
            chosen.pop("app.quit_anywhere", None)
        ranked = sorted(chosen.values(), key=lambda found: BY_ID[found.binding.id or ""].rank)
        width = self.size.width
        # Help and quit stay; of the others the last ones go first.
        while len(ranked) > 1 and sum(_item(found).cell_length + 3 for found in ranked) > width:
            last = [found for found in ranked if found.binding.id not in _KEPT]
            ranked.remove(last[-1] if last else ranked[-1])
        line, self._spans = Content(" "), []
        for found in ranked:
            item = _item(found)
            self._spans.append((line.cell_length, line.cell_length + item.cell_length, found))
            line = line + item + "   "
        brand = Content.styled(self._brand + " ", "$faint")
        if line.cell_length + brand.cell_length <= width:
            line = look.fit(line, width - brand.cell_length) + brand
        self.say(line)

    async def on_click(self, event: events.Click) -> None:
        for start, end, found in self._spans:
            if start <= event.x < end:
                await self.app.run_action(found.binding.action, found.node)


def _item(found: ActiveBinding) -> Content:
    key = look.key_name(found.binding.key)
    if not found.enabled:
        return Content.styled(f"{key} {found.binding.description}", "$faint")
    return Content.assemble((key, "bold $primary"), " ", (found.binding.description, "$muted"))
