"""Whose a typed key is, which version typed values are, and what the versions were: by labels and codes alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from secrets_core.errors import Denied, NotFound, Unreachable
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.secret import Secret
from secrets_core.versions import tail
from secrets_core.views import Found, Match
from tests.core.desk import ALL, Desk, values
from tests.pairs.support import START, put_foreign, write_freeze

DEV, KUCOIN = CredentialRef("dev", "bybit"), CredentialRef("dev", "kucoin@mm1")


class TestFindKey:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk("dev", "shadow", "prod")

    def find(self, desk: Desk, ref: CredentialRef, serial: int) -> Found:
        return desk.service.find_key(values(ref, serial)[LEADER])

    def listed(self, desk: Desk) -> None:
        for name in desk.service.environments:
            desk.service.lift_read_only(name)
            desk.service.initialise(name)
            desk.service.refresh(name)

    def test_current_and_older_ones_in_every_environment(self, desk: Desk) -> None:
        shadow = CredentialRef("shadow", "bybit")
        self.listed(desk)
        first, second = desk.save(DEV, 1, 2)
        (same,) = desk.save(shadow, 1)
        older = self.find(desk, DEV, 1)
        assert older.matches == (Match(shadow, tail(same), True), Match(DEV, tail(first), False))
        assert self.find(desk, DEV, 2).matches == (Match(DEV, tail(second), True),)
        assert self.find(desk, DEV, 3).matches == ()
        assert older.unchecked == ()

    def test_no_value_is_read_but_the_environments_own_keys(self, desk: Desk) -> None:
        self.listed(desk)
        desk.save(DEV)
        for store in desk.stores.values():
            store.calls.clear()
        assert self.find(desk, DEV, 1).matches
        assert all(not store.calls for store in desk.stores.values())

    def test_a_passed_secret_is_no_key(self, desk: Desk) -> None:
        self.listed(desk)
        desk.save(DEV)
        assert desk.service.find_key(values(DEV)["api_secret"]).matches == ()

    def test_what_could_not_be_searched_is_named(self, desk: Desk) -> None:
        desk.save(DEV)
        desk.stores["prod"].fails[ALL] = Unreachable("Dark.")
        found = self.find(desk, DEV, 1)
        assert [match.ref for match in found.matches] == [DEV]
        assert dict(found.unchecked) == {"shadow": "it has no fingerprint key yet", "prod": "Dark."}
        desk.stores["prod"].fails.clear()
        desk.service.lift_read_only("prod")
        desk.service.initialise("prod")
        assert dict(self.find(desk, DEV, 1).unchecked)["prod"] == "not listed yet"

    def test_what_was_never_fingerprinted_is_said(self, desk: Desk) -> None:
        """Else "nobody's" would be said of a key that a legacy credential holds."""
        self.listed(desk)
        desk.save(DEV)
        desk.save_foreign(CredentialRef("dev", "okx"))
        desk.service.refresh("dev")
        found = self.find(desk, DEV, 7)
        assert found.unchecked == (("dev", "1 without a fingerprint (dev/okx)"),)
        for exchange in ("gate", "kraken", "mexc"):
            desk.save_foreign(CredentialRef("dev", exchange))
        desk.service.refresh("dev")
        found = self.find(desk, DEV, 1)
        assert [match.ref for match in found.matches] == [DEV]
        ((environment, sentence),) = found.unchecked
        assert environment == "dev"
        assert sentence.startswith("4 without a fingerprint (dev/")
        assert sentence.endswith(" and 1 more)")
        assert sum(f"dev/{name}" in sentence for name in ("gate", "kraken", "mexc", "okx")) == 3
        assert str(DEV) not in sentence

    def test_without_a_fingerprint_key_the_credentials_are_named_too(self, desk: Desk) -> None:
        desk.save_foreign(CredentialRef("dev", "kraken"))
        desk.service.refresh("dev")
        assert [why for name, why in self.find(desk, DEV, 1).unchecked if name == "dev"] == [
            "it has no fingerprint key yet",
            "1 without a fingerprint (dev/kraken)",
        ]

    def test_a_search_among_known_names_alone_is_said(self, desk: Desk) -> None:
        self.listed(desk)
        desk.save(DEV)
        desk.stores["dev"].fails["list_metadata"] = Denied("You may not list.")
        desk.service.refresh("dev")
        found = self.find(desk, DEV, 1)
        assert [match.ref for match in found.matches] == [DEV]
        assert found.unchecked == (("dev", "only its known credentials were looked at"),)

    def test_rows_of_a_listing_that_now_fails_are_still_searched(self, desk: Desk) -> None:
        self.listed(desk)
        desk.save(DEV)
        desk.stores["dev"].fails[ALL] = Unreachable("Dark.")
        desk.service.refresh("dev")
        found = self.find(desk, DEV, 1)
        assert [match.ref for match in found.matches] == [DEV]
        assert found.unchecked == (("dev", "it is unreachable now, so only what was listed before was looked at"),)

    def test_an_environment_that_turns_up_meanwhile_is_no_error(self, desk: Desk) -> None:
        self.listed(desk)
        desk.service._environments.get("dev").fingerprint_key = None

        def look_elsewhere(_operation: str) -> None:
            desk.service.view("staging")

        desk.stores["dev"].before = look_elsewhere
        assert self.find(desk, DEV, 1).matches == ()


class TestVerify:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk("dev")

    def test_current_older_and_none(self, desk: Desk) -> None:
        first, second = desk.save(DEV, 1, 2)
        assert desk.service.verify(DEV, values(DEV, 2)) == Match(DEV, tail(second), True)
        assert desk.service.verify(DEV, values(DEV, 1)) == Match(DEV, tail(first), False)
        assert desk.service.verify(DEV, values(DEV, 3)) is None

    def test_the_whole_of_it_must_be_the_same(self, desk: Desk) -> None:
        desk.save(KUCOIN, 1)
        mixed = values(KUCOIN, 1) | {"api_passphrase": Secret("another one")}
        assert desk.service.verify(KUCOIN, mixed) is None

    def test_what_is_current_counts_where_values_came_back(self, desk: Desk) -> None:
        first, _ = desk.save(DEV, 1, 2)
        again = desk.service.rotate(DEV, values(DEV, 1)).version_id
        assert again is not None
        assert again != first
        assert desk.service.verify(DEV, values(DEV, 1)) == Match(DEV, tail(again), True)

    def test_no_value_of_the_credential_is_read(self, desk: Desk) -> None:
        desk.save(DEV)
        for part in values(DEV):
            desk.stores["dev"].fails["read_current", secret_name(DEV, part)] = Denied("You may not.")
        assert desk.service.verify(DEV, values(DEV)) is not None

    @pytest.mark.parametrize("how", ["missing", "legacy", "no key"])
    def test_where_nothing_is_recorded_it_says_so(self, desk: Desk, how: str) -> None:
        if how == "legacy":
            desk.service.initialise("dev")
            desk.save_foreign(DEV)
        elif how == "no key":
            desk.save_foreign(DEV)
        with pytest.raises(NotFound):
            desk.service.verify(DEV, values(DEV))


class TestHistory:
    @pytest.fixture
    def desk(self) -> Desk:
        return Desk("dev")

    def test_newest_first_with_labels_and_who(self, desk: Desk) -> None:
        desk.service.save(DEV, values(DEV, 1))
        desk.clock.forward(days=5)
        desk.service.rotate(DEV, values(DEV, 2), why="suspected")
        newest, oldest = desk.service.history(DEV)
        assert (newest.stages, oldest.stages) == (("AWSCURRENT",), ("AWSPREVIOUS",))
        assert (newest.why, oldest.why, newest.by) == ("suspected", "first", "alice@desk")
        assert (newest.born, oldest.born) == (START + timedelta(days=5), START)
        assert newest.complete
        assert oldest.complete
        assert newest.fingerprint != oldest.fingerprint

    def test_a_version_that_not_every_part_has_cannot_be_gone_back_to(self, desk: Desk) -> None:
        desk.save(DEV)
        put_foreign(desk.inner["dev"], secret_name(DEV, LEADER), Secret("other"))
        newest, oldest = desk.service.history(DEV)
        assert (newest.complete, oldest.complete) == (False, True)
        assert newest.born == newest.created_at

    def test_burned_ones_are_marked_by_version_and_by_value(self, desk: Desk) -> None:
        first, _ = desk.save(DEV, 1, 2)
        code = desk.row(DEV).fingerprint
        write_freeze(
            desk.inner["dev"],
            burned=[{"ref": "dev/bybit", "version": first}, {"ref": "dev/bybit", "fingerprint": code}],
        )
        assert [entry.burned for entry in desk.service.history(DEV)] == [True, True]
        write_freeze(desk.inner["dev"], burned=[{"ref": "dev/okx", "version": first}])
        assert [entry.burned for entry in desk.service.history(DEV)] == [False, False]

    def test_a_freeze_record_that_cannot_be_read_hides_no_history(self, desk: Desk) -> None:
        desk.save(DEV)
        desk.stores["dev"].fails["read_current"] = Denied("You may not.")
        assert len(desk.service.history(DEV)) == 1

    def test_of_what_is_not_there(self, desk: Desk) -> None:
        with pytest.raises(NotFound):
            desk.service.history(DEV)
