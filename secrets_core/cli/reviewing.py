"""``review``: how old every credential is, what is decided about it, and the signed chain of such reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from secrets_core.cli.output import DONE, FAILED, UNMET, Answer, Document, Problem, table
from secrets_core.cli.parsing import Option, UsageError, Verb
from secrets_core.cli.session import Session
from secrets_core.errors import Conflict, CoreError
from secrets_core.parallel import in_parallel
from secrets_core.views import Action

if TYPE_CHECKING:
    from secrets_core.review.decisions import Decisions
    from secrets_core.review.document import Review
    from secrets_core.review.signing import Recorded
    from secrets_core.review.summary import FailOn, Grouping
    from secrets_core.review.verifying import Records

# Here and not from the package, which brings pydantic along: every command pays for what is imported here.
GROUPINGS = ("environment", "exchange", "owner")
FORMATS = ("json", "csv", "markdown", "html", "ics")
_ALONE = {
    "--verify": (
        "--env",
        "--group",
        "--format",
        "--out",
        "--fail-on",
        "--by",
        "--decide",
        "--sign",
        "--resume",
        "--from",
    ),
    "--resume": ("--env", "--group", "--format", "--out", "--fail-on", "--by", "--decide", "--sign", "--from"),
    "--from": ("--env", "--decide", "--sign", "--check-dates"),
}
MEANINGS = {
    "signed": "the record in the store proves it",
    "not linked": "older than the record; give the files between them",
    "chain broken": "the review after it names another document in its place",
    "not the signed one": "the record names another document",
    "record not readable": "nothing can be said",
}


def review(session: Session) -> Answer | Document:
    """Review ages; with ``--decide`` judge decisions, with ``--sign`` record them, with ``--verify`` check files."""
    _check_options(session)
    if session.call.several("--verify"):
        return _verify(session)
    if session.call.text("--resume") is not None:
        return _resume(session)
    return _review(session)


def rulings_of(error: CoreError) -> list[dict[str, str]]:
    """Give what is refused of a decisions file, row by row, for the JSON line."""
    from secrets_core.review.decisions import DecisionsRefused

    rulings = error.rulings if isinstance(error, DecisionsRefused) else ()
    return [{"credential": each.credential, "error": each.sentence, "rule": each.rule} for each in rulings]


def _review(session: Session) -> Answer | Document:
    from secrets_core.review.decisions import Decisions, decide

    decisions = Decisions()
    if session.call.text("--decide") is not None:
        decisions = _decisions(session)
    if session.call.text("--from") is not None:
        document = _document(_bytes_of(session, "--from"))
    else:
        document = _taken(session)
        if session.call.text("--decide") is not None or session.call.has("--sign"):
            document = decide(document, decisions)
    if session.call.has("--sign"):
        return _sign(session, document, decisions)
    return _shown(session, document)


def _taken(session: Session) -> Review:
    from secrets_core.review.population import build, look

    named = session.call.text("--env")
    environments = (session.environment(),) if named is not None else session.environments()
    if named is not None:
        session.reader(environments[0], Action.REVIEW)
    check_dates = session.call.has("--check-dates")
    for environment in environments:
        session.service(environment)
    looks = in_parallel(lambda name: look(session.service(name), name, check_dates=check_dates), environments)
    found = build(looks, session.clock())
    for gap in found.gaps:
        session.note(gap.sentence)
    return found


def _shown(session: Session, document: Review) -> Answer | Document:
    from secrets_core.review.decisions import undecided
    from secrets_core.review.exports import export
    from secrets_core.review.summary import failing, overdue_by

    call = session.call
    form, grouping = call.text("--format") or FORMATS[0], cast("Grouping", call.text("--group") or GROUPINGS[0])
    by = _date(session, "--by")
    fields = _summary(document, grouping)
    status = "OK" if document.complete else "PARTIAL"
    if call.text("--decide") is not None:
        fields["undecided"] = [row.credential for row in undecided(document)]
    if by is not None:
        fields["overdue_by"] = {"credentials": [row.credential for row in overdue_by(document, by)], "date": str(by)}
    if (fail_on := call.text("--fail-on")) is not None:
        bad = [row.credential for row in failing(document, cast("FailOn", fail_on), by)]
        fields["failing"] = bad
        if bad:
            session.note(f"--fail-on {fail_on} is not met by {len(bad)} of {len(document.rows)} credentials.")
        # What was not looked at may be worse than what was: incomplete comes before unmet.
        status = "UNMET" if bad and status == "OK" else status
    code = {"OK": DONE, "UNMET": UNMET}.get(status, FAILED)
    out = call.text("--out")
    if form != "json" and out is None:
        return Document(export(document, form, grouping).decode("utf-8"), code)
    if out is not None:
        _write(out, export(document, form, grouping))
    else:
        fields["review"] = document.model_dump(mode="json")
    return Answer(fields, _human(document, grouping), status)


def _sign(session: Session, document: Review, decisions: Decisions) -> Answer:
    from secrets_core.review.document import canonical
    from secrets_core.review.signing import sign

    for environment in document.environments:
        session.writer(Action.SIGN, environment.name)
    signed = sign(document, decisions)
    # The file before the record: a record whose document is lost proves nothing.
    out = session.call.text("--out") or ""
    _write(out, canonical(signed), replace=False)
    try:
        return _recorded(session, signed)
    except Conflict:
        _path(out).unlink(missing_ok=True)  # no record will ever name it
        raise


def _resume(session: Session) -> Answer:
    from secrets_core.review.signing import check_resumable

    document = _document(_bytes_of(session, "--resume"))
    check_resumable(document, session.clock)
    for environment in document.environments:
        session.writer(Action.SIGN, environment.name)
    return _recorded(session, document)


def _recorded(session: Session, signed: Review) -> Answer:
    from secrets_core.review.signing import record_all

    def record(environment: str) -> Recorded:
        return session.service(environment).sign_review(environment, signed)

    names = [environment.name for environment in signed.environments]
    done, where, error = record_all(names, record)
    for one in done:
        session.changed(one.environment, one.notices)
    fields = _summary(signed, GROUPINGS[0])
    fields |= {
        "next": str(signed.signature.next) if signed.signature else None,
        "signed": [one.environment for one in done],
    }
    if error is None:
        return Answer(fields, f"Signed in {', '.join(names)}. SHA-256 of the document: {fields['hash']}")
    if not done and not isinstance(error, Conflict):
        session.note("Nothing was recorded. Mend it and finish with review --resume FILE.")
    if not done:
        raise error
    problem = Problem.of(error)
    missing = [name for name in sorted(names) if name not in {one.environment for one in done}]
    session.note(f"{where} was not recorded: {problem.sentence} If it can be mended, finish with review --resume FILE.")
    fields["failed"] = [{"env": where, **problem.fields()}]
    fields["unsigned"] = missing
    return Answer(fields, f"Signed in {', '.join(fields['signed'])}, not in {', '.join(missing)}.", "PARTIAL")  # type: ignore[arg-type]  # a list of names, made above


def _verify(session: Session) -> Answer:
    from secrets_core.review.verifying import Result, read_document, verify

    paths = session.call.several("--verify")
    documents = [read_document(_read(path, f"File {number}")) for number, path in enumerate(paths, 1)]
    names = sorted({each.name for one in documents if one.review for each in one.review.environments})
    checked = verify(documents, _records(session, names))
    files: list[dict[str, object]] = []
    lines: list[tuple[str, ...]] = []
    for path, document, results in zip(paths, documents, checked, strict=True):
        found = {each.environment: {"number": each.number, "result": each.result.value} for each in results}
        about: dict[str, object] = {"file": path, "hash": document.document, "environments": found}
        files.append(about | ({"problem": document.problem} if document.problem else {}))
        if document.problem:
            lines.append((path, "-", "-", document.problem))
            session.note(f"{path}: {document.problem}")
        lines += [
            (path, each.environment, str(each.number), f"{each.result.value}: {MEANINGS[each.result.value]}")
            for each in results
        ]
    proven = all(document.review is not None for document in documents) and all(
        each.result is Result.SIGNED for results in checked for each in results
    )
    return Answer({"files": files}, table(("FILE", "ENV", "NUMBER", "RESULT"), lines), "OK" if proven else "DIFFERENT")


def _records(session: Session, names: Sequence[str]) -> Records:
    def read(name: str) -> object:
        try:
            return session.service(name).last_review(name)
        except CoreError as error:
            session.note(f"The record of {name} cannot be read. {error.message}")
            return error

    for name in names:
        session.service(name)
    return cast("Records", dict(zip(names, in_parallel(read, names), strict=True)))


def _summary(document: Review, grouping: Grouping | str) -> dict[str, object]:
    from secrets_core.review.document import canonical, digest
    from secrets_core.review.summary import counts, group, strip

    return {
        "complete": document.complete,
        "counts": counts(document.rows, document),
        "due_by_week": [{"due": week.due, "from": str(week.start)} for week in strip(document)],
        "groups": [
            {"counts": each.counts, "credentials": [row.credential for row in each.rows], "name": each.name}
            for each in group(document, cast("Grouping", grouping))
        ],
        "hash": digest(canonical(document)),
    }


def _human(document: Review, grouping: Grouping) -> str:
    from secrets_core.review.exports.view import View, age_text, decision_text, due_text, extended_text
    from secrets_core.review.summary import group, standing_text

    sections = [f"{View(document, '').title}: {View(document, '').standing}"]
    for each in group(document, grouping):
        rows = [
            (
                row.credential,
                standing_text(row, document),
                age_text(row),
                due_text(row),
                extended_text(row),
                decision_text(row),
            )
            for row in each.rows
        ]
        sections.append(f"{each.name}\n{table(('CREDENTIAL', 'STANDING', 'AGE', 'DUE', 'EXTENDED', 'DECISION'), rows)}")
    sections += [f"Missing: {gap.sentence}" for gap in document.gaps]
    return "\n\n".join(sections)


def _decisions(session: Session) -> Decisions:
    from secrets_core.review.decisions import parse_decisions

    return parse_decisions(_bytes_of(session, "--decide"))


def _document(data: bytes) -> Review:
    from secrets_core.review.document import parse

    return parse(data)


def _bytes_of(session: Session, option: str) -> bytes:
    return _read(session.call.text(option) or "", option)


def _read(path: str, what: str) -> bytes:
    from secrets_core.review.document import MAX_BYTES, ReviewProblem
    from secrets_core.review.files import read_file

    data = read_file(0 if path == "-" else _path(path), MAX_BYTES)
    if data is None:
        # Not shown: what was typed may be anything.
        raise ReviewProblem(f"{what} cannot be read.", hint="Check the path.", path=what)
    return data


def _write(path: str, data: bytes, *, replace: bool = True) -> None:
    from secrets_core.review.files import write_private

    write_private(_path(path), data, replace=replace)


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _date(session: Session, option: str) -> date | None:
    text = session.call.text(option)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or len(text) != 10:
        raise UsageError(f"{option} is a date such as 2026-01-31.", session.call.action)
    if not timedelta() <= day - session.clock().date() <= timedelta(days=3650):
        raise UsageError(f"{option} is not before today, and at most ten years ahead.", session.call.action)
    return day


def _check_options(session: Session) -> None:
    call = session.call
    given = _given(call.texts, call.switches, call.lists)
    for option, others in _ALONE.items():
        if option in given and (both := [other for other in others if other in given]):
            raise UsageError(f"{option} does not go with {both[0]}.", call.action)
    if "--sign" in given and call.text("--out") is None:
        raise UsageError("--sign wants --out: the signed document is kept there.", call.action)
    if "--sign" in given and (call.text("--format") or FORMATS[0]) != FORMATS[0]:
        raise UsageError(
            "--sign writes JSON, which is what is hashed; make the others from it with --from.", call.action
        )
    if "--sign" in given and "--fail-on" in given:
        raise UsageError("--sign does not go with --fail-on: a review is signed whatever it found.", call.action)
    _date(session, "--by")


def _given(*options: Mapping[str, object] | frozenset[str]) -> frozenset[str]:
    return frozenset(name for each in options for name in each)


VERBS = (
    Verb(
        "review",
        "Review ages: what is due, what was decided; sign and verify.",
        review,
        (
            Option("--env", "Review this environment only.", "ENV", completes="environment"),
            Option("--group", "Group by environment (the default), exchange or owner.", "BY", GROUPINGS),
            Option("--format", "json (the default), csv, markdown, html or ics.", "FORM", FORMATS),
            Option("--out", "Write the review to this file, readable by you alone.", "FILE", completes="file"),
            Option(
                "--fail-on",
                "Exit with 3 if anything is due soon, or overdue; or of unknown age.",
                "WHAT",
                ("due-soon", "overdue"),
            ),
            Option("--by", "Tell what will be overdue by this day, e.g. 2026-01-31.", "DATE"),
            Option("--check-dates", "Also read the backend's creation date of every current version."),
            Option("--decide", "Judge the decisions in this file; - for standard input.", "FILE", completes="file"),
            Option("--sign", "Record the review with its decisions; wants --out."),
            Option("--resume", "Finish an interrupted signing of the review in this file.", "FILE", completes="file"),
            Option("--from", "Show the review in this file instead of a new one.", "FILE", completes="file"),
            Option("--verify", "Check these files of signed reviews.", "FILE...", several=True, completes="file"),
        ),
    ),
)
