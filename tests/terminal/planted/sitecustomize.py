"""Makes one method of a program fail or bear witness, without a switch in the program.

Python imports this module by itself when its folder comes first on ``PYTHONPATH``. ``PLANTED`` names the method, as
``module:Class.method``. It fails as soon as it is given a text or a secret of 20 characters or more, with the text in
its frame and in its message; or, where ``PLANTED_WITNESS`` names a file, its first call writes there which modules are
loaded by then.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

MODULE, _, PLACE = os.environ.get("PLANTED", "").partition(":")
WITNESS = os.environ.get("PLANTED_WITNESS", "")
LONG = 20


class PlantedError(Exception):
    """Carries what it met, as careless errors do."""


def failing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method so that it fails over a long text."""

    @functools.wraps(method)
    def planted(*arguments: Any, **named: Any) -> Any:
        given = (*arguments[1:], *named.values())
        clear = [reveal() if (reveal := getattr(value, "reveal", None)) else value for value in given]
        long = [value for value in clear if isinstance(value, str) and len(value) >= LONG]
        if long:
            raise PlantedError(*long)
        return method(*arguments, **named)

    return planted


def witnessing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method so that its first call leaves a list of the loaded modules behind."""

    @functools.wraps(method)
    def planted(*arguments: Any, **named: Any) -> Any:
        if not os.path.exists(WITNESS):  # noqa: PTH110  # pathlib must not be loaded by the witness
            with open(WITNESS, "w", encoding="utf-8") as file:  # noqa: PTH123  # as above
                file.write("\n".join(sorted(sys.modules)))
        return method(*arguments, **named)

    return planted


def plant(module: types.ModuleType) -> None:
    """Replace the method; fail at once if there is none, for the check would prove nothing."""
    *way, name = PLACE.split(".")
    owner = functools.reduce(getattr, way, module)
    setattr(owner, name, (witnessing if WITNESS else failing)(getattr(owner, name)))


class Planter(importlib.abc.MetaPathFinder):
    """Waits for the one module and plants into it right after it was executed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_plant(module: types.ModuleType) -> None:
            execute(module)
            plant(module)

        spec.loader.exec_module = execute_and_plant  # type: ignore[method-assign]  # this one loader only
        return spec


if MODULE:
    sys.meta_path.insert(0, Planter())
