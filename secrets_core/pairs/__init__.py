"""The pair protocol: two or three secrets that change as one.

Invariant: a version that ever holds AWSCURRENT on the leader already exists in every follower. So whoever reads the
leader's current version finds the rest of it by its id, whenever a writer died. See ``docs/architecture.md``.
"""

from secrets_core.pairs.committing import Change, Written
from secrets_core.pairs.reading import PairRead, read_pair
from secrets_core.pairs.removal import delete, restore
from secrets_core.pairs.repairing import Repair, adopt, repair, roll_back
from secrets_core.pairs.states import Classified, PairState, Parts, all_versions, classify, inspect
from secrets_core.pairs.writing import create, rotate

__all__ = [
    "Change",
    "Classified",
    "PairRead",
    "PairState",
    "Parts",
    "Repair",
    "Written",
    "adopt",
    "all_versions",
    "classify",
    "create",
    "delete",
    "inspect",
    "read_pair",
    "repair",
    "restore",
    "roll_back",
    "rotate",
]
