"""The document: one form of its bytes, and nothing else read as it; the chain of documents, and every break of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_core.errors import CoreError, Denied
from secrets_core.review.document import Review, ReviewProblem, canonical, digest, parse
from secrets_core.review.population import build, look
from secrets_core.review.record import HeldRecord
from secrets_core.review.verifying import Document, Result, read_document, verify
from secrets_core.service import Service
from secrets_core.settings import Settings
from tests.canary import Canary
from tests.core.desk import Desk
from tests.review.support import DEV, GRANT, PROD, aged, record, signed, taken


def one() -> Review:
    desk = aged(100, "dev", "prod")
    desk.save(PROD)
    until = str(desk.clock().date() + timedelta(days=9))
    return signed(desk, {DEV: {**GRANT, "until": until, "reason": "Zoë: “later” </script>"}})


def test_the_same_population_has_the_same_bytes() -> None:
    desk = aged(100, "dev", "prod")
    desk.save(PROD)
    first = canonical(taken(desk))
    assert canonical(taken(desk)) == first
    others = Service(
        Settings(environments={name: desk.service.environment_settings(name) for name in ("prod", "dev")}),
        variables={},
        backend="aws",
        clock=desk.clock,
        open_environment=lambda known: desk.inner[known.name],
    )
    assert canonical(build([look(others, name) for name in ("prod", "dev")], desk.clock())) == first


def test_its_form() -> None:
    data = canonical(one())
    assert data.isascii()
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    loaded = json.loads(data, parse_float=lambda text: pytest.fail(f"a float: {text}"))
    assert data.decode() == json.dumps(loaded, sort_keys=True, separators=(",", ":")) + "\n"
    assert loaded["at"].endswith("Z")


def test_it_comes_back_as_it_was() -> None:
    review = one()
    assert parse(canonical(review)) == review


@given(text=st.text(max_size=40), days=st.none() | st.integers(-(2**40), 2**40))
def test_any_text_and_number_comes_back(text: str, days: int | None) -> None:
    review = taken(Desk("dev"))
    desk = review.environment("dev").model_copy(update={"notes": (text,), "operator": text})
    changed = review.model_copy(update={"environments": (desk,)})
    try:
        data = canonical(changed)
    except UnicodeEncodeError:
        return
    if any("\ud800" <= character <= "\udfff" for character in text):
        with pytest.raises(ReviewProblem):
            parse(data)
        return
    assert parse(data) == changed
    assert canonical(parse(data)) == data


def test_a_review_written_anew_is_not_taken() -> None:
    data = canonical(one())
    for other in (
        json.dumps(json.loads(data)).encode(),
        data.rstrip(b"\n"),
        data + b"\n",
        b"\xef\xbb\xbf" + data,
        data.replace(b'"format":1', b'"format":1,"format":1'),
        data.replace(b'"format":1', b'"format":2'),
        data.replace(b'"complete":true', b'"complete":1'),
        data.replace(b'"complete":true', b'"complete":true,"extra":0'),
        data.replace(b"Z", b"+00:00", 1),
        b"",
        b"null",
        b"[" * 100_000,
    ):
        with pytest.raises(ReviewProblem):
            parse(other)


def test_a_file_of_values_is_not_repeated(canary: Canary) -> None:
    with pytest.raises(ReviewProblem) as problem:
        parse(json.dumps({"format": 1, "at": canary.api_key, "rows": canary.api_secret}).encode())
    error = problem.value
    assert canary.leaks_in(f"{error!r} {error.message} {error.hint} {error.__context__!r} {error.__cause__!r}") == []


class TestVerify:
    def chain(self, count: int = 3) -> tuple[Desk, list[bytes]]:
        desk = aged(1)
        files = []
        for _ in range(count):
            review = signed(desk, {})
            record(desk, review)
            files.append(canonical(review))
            desk.clock.forward(days=7)
        return desk, files

    def results(self, desk: Desk, files: list[bytes]) -> list[Result | str]:
        documents = [read_document(data) for data in files]
        records: dict[str, HeldRecord | CoreError | None] = {"dev": desk.service.last_review("dev")}
        checked = verify(documents, records)
        return [each[0].result if each else document.problem for document, each in zip(documents, checked, strict=True)]

    def test_a_chain_that_ends_in_the_record_is_proven(self) -> None:
        desk, files = self.chain()
        assert self.results(desk, files) == [Result.SIGNED] * 3
        assert self.results(desk, files[::-1]) == [Result.SIGNED] * 3
        assert self.results(desk, files[2:]) == [Result.SIGNED]

    def test_the_one_before_the_last_is_not_proven_without_the_last(self) -> None:
        desk, files = self.chain()
        assert self.results(desk, files[:1]) == [Result.NOT_LINKED]
        assert self.results(desk, [files[0], files[2]]) == [Result.NOT_LINKED, Result.SIGNED]
        assert self.results(desk, files[1:2]) == [Result.NOT_LINKED]

    @pytest.mark.parametrize(("edited", "expected"), [(0, Result.BROKEN), (1, Result.BROKEN), (2, Result.NOT_SIGNED)])
    def test_an_edited_document_is_found(self, edited: int, expected: Result) -> None:
        desk, files = self.chain()
        files[edited] = files[edited].replace(b'"operator":"alice@desk"', b'"operator":"mallory@desk"')
        found = self.results(desk, files)
        assert found[edited] is expected
        assert found[edited + 1 :] == [Result.SIGNED] * (2 - edited)
        assert found[:edited] != [Result.SIGNED] * edited or edited == 0

    def test_an_edited_document_is_found_without_the_others(self) -> None:
        desk, files = self.chain()
        edited = files[1].replace(b'"operator":"alice@desk"', b'"operator":"mallory@desk"')
        assert self.results(desk, [edited]) == [Result.BROKEN]

    @pytest.mark.parametrize("kept", [0, 1, 1000, -2])
    def test_a_truncated_document_is_found(self, kept: int) -> None:
        desk, files = self.chain(1)
        (found,) = self.results(desk, [files[0][:kept]])
        assert "no review" in found

    def test_a_review_that_was_never_recorded_is_not_signed(self) -> None:
        desk, files = self.chain(1)
        never = canonical(signed(desk, {}))
        assert self.results(desk, [*files, never]) == [Result.SIGNED, Result.NOT_SIGNED]
        draft = canonical(taken(desk))
        assert self.results(desk, [draft]) == ["The review in that file is not signed."]

    def test_a_record_that_gives_it_another_number_does_not_prove_it(self) -> None:
        desk, files = self.chain(2)
        held = desk.service.last_review("dev")
        assert held is not None
        other = replace(held, record=replace(held.record, number=5))
        found = verify([read_document(data) for data in files], {"dev": other})
        assert Result.SIGNED not in [each[0].result for each in found]

    def test_without_its_record_nothing_is_proven(self) -> None:
        _, files = self.chain(2)
        documents = [read_document(data) for data in files]
        for held, expected in ((Denied("Not allowed."), Result.UNKNOWN), (None, Result.NOT_SIGNED)):
            found = verify(documents, {"dev": held})
            assert [each[0].result for each in found] == [expected, expected]

    @given(cut=st.integers(0, 4000), byte=st.integers(0, 255))
    def test_no_changed_byte_is_proven(self, cut: int, byte: int) -> None:
        desk, (data,) = _CHAIN
        place = cut % len(data)
        changed = data[:place] + bytes([byte]) + data[place + 1 :]
        (document,) = [read_document(changed)]
        checked = verify([document], {"dev": desk.service.last_review("dev")})
        proven = bool(checked[0]) and checked[0][0].result is Result.SIGNED
        assert proven == (changed == data)


_CHAIN = TestVerify().chain(1)


def test_a_hash_is_that_of_sha256sum() -> None:
    assert digest(b"abc\n") == "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb"
    assert Document(None).document == ""
