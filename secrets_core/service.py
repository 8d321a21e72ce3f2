"""The one door: whoever shows or changes credentials, console or CLI, comes through here.

Views are frozen data; ``refusal()`` is the only judge; every change goes through ``_change``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from secrets_core import overview, pairs
from secrets_core.clock import Clock, utc_now
from secrets_core.environments import Environments, StoreOpener
from secrets_core.errors import CoreError, Denied, Refused, ScheduledForDeletion, SettingsError, Unreachable
from secrets_core.freeze import ensure_record
from secrets_core.history import list_history, recognise, search
from secrets_core.listing import list_environment, look_up_birth
from secrets_core.names import FINGERPRINT, FREEZE, ROOT, ControlName, CredentialRef, parse_secret_name
from secrets_core.policy import CI_VARIABLES, binding_refusal, ci_refusal
from secrets_core.refusals import state_refusal
from secrets_core.secret import Secret
from secrets_core.settings import EnvironmentSettings, Settings
from secrets_core.stores.base import RECOVERY_DAYS, Identity, SecretStore
from secrets_core.stores.memory import local_operator
from secrets_core.stores.opening import Patience
from secrets_core.versions import new_version_id
from secrets_core.views import Action, Done, EnvironmentState, EnvironmentView, Found, HistoryEntry, Match, Reason

if TYPE_CHECKING:
    from secrets_core.credentials import APICredentials
    from secrets_core.review.document import Review
    from secrets_core.review.record import HeldRecord
    from secrets_core.review.signing import Recorded

LIFT_LASTS = timedelta(minutes=15)
"""How long a lifted read-only environment stays writable without a change."""
Result = TypeVar("Result")


class Service:
    """Views and commands over all environments. Methods that say so do I/O: the console calls them in workers."""

    def __init__(
        self,
        settings: Settings,
        *,
        variables: Mapping[str, str] = os.environ,
        backend: str | None = None,
        clock: Clock = utc_now,
        patience: Patience = "bot",
        open_environment: StoreOpener | None = None,
        ci_markers: Sequence[str] = CI_VARIABLES,
        metadata_only: bool = False,
    ) -> None:
        """Take the settings and where everything else comes from; nothing is opened or called yet.

        ``open_environment`` opens stores that ``backend`` then only names (the demo, tests). With ``metadata_only``
        stores are opened that read no value of a credential and change nothing, so that CI may review prod. Raises
        ``SettingsError`` for an unknown backend.
        """
        self.clock = clock
        self._variables = variables
        self._ci_markers = ci_markers
        self._metadata_only = metadata_only
        self._environments = Environments(
            settings,
            variables=variables,
            backend=backend,
            clock=clock,
            patience=patience,
            open_environment=open_environment,
            metadata_only=metadata_only,
        )

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments to show: those that settings name, else the four standard ones."""
        return self._environments.names

    def environment_settings(self, environment: str) -> EnvironmentSettings:
        """Give what settings and defaults say of an environment; raise ``InvalidName``."""
        return self._environments.get(environment).settings

    def blank(self, environment: str) -> EnvironmentView:
        """Give the view of an environment that is still connecting. No I/O."""
        known = self._environments.get(environment)
        return EnvironmentView(
            name=environment,
            state=EnvironmentState.CONNECTING,
            backend=known.backend,
            read_only=self.is_read_only(environment),
            endpoint_url=known.settings.endpoint_url,
        )

    def view(self, environment: str) -> EnvironmentView:
        """Give the latest view of an environment, with the read-only state of now. No I/O."""
        known = self._environments.get(environment)
        view = known.view or self.blank(environment)
        return replace(view, read_only=self.is_read_only(environment))

    def is_read_only(self, environment: str) -> bool:
        """Tell whether changes are refused now; the memory backend never is read-only."""
        known = self._environments.get(environment)
        if known.backend == "memory":
            return False
        return known.settings.policy.read_only and not (known.lifted_until and self.clock() < known.lifted_until)

    def lift_read_only(self, environment: str) -> datetime:
        """Allow changes in a read-only environment until 15 minutes pass without one; gives when that is (UTC)."""
        known = self._environments.get(environment)
        known.lifted_until = self.clock() + LIFT_LASTS
        return known.lifted_until

    def refusal(self, action: Action, subject: CredentialRef | str) -> Reason | None:
        """Tell why ``action`` on a credential or an environment is refused, or ``None``. Pure: no I/O.

        Judges by settings, variables and the latest view; the store has the last word when the change is made.
        """
        environment = subject if isinstance(subject, str) else subject.environment
        known = self._environments.get(environment)
        refused = binding_refusal(environment, self._variables)
        if refused is None and not (action is Action.REVIEW and self._metadata_only):
            endpoint = known.settings.endpoint_url
            refused = ci_refusal(environment, known.backend, endpoint, self._variables, self._ci_markers)
        if refused is not None:
            return Reason(refused.guard, refused.message, refused.hint)
        if action in (Action.FETCH, Action.REVIEW):
            return None
        if self.is_read_only(environment):
            return Reason(
                "read-only",
                f"{environment} is read-only.",
                f"Lift it for this one act: on the command line, with --write {environment}.",
            )
        if isinstance(subject, str) or subject in known.changed or known.view is None or known.view.listed_at is None:
            return None
        row = next((row for row in known.view.rows if row.ref == subject), None)
        return None if row is None and known.view.partial else state_refusal(action, row)

    def connect(self, environment: str) -> Identity:
        """Open the environment's store and tell who acts there. I/O; raises as ``open_store`` and ``identity``."""
        return self._looked_at(environment).identity()

    def notices(self, environment: str) -> tuple[str, ...]:
        """Give what a user should know of how the environment's store was opened; nothing before that. No I/O."""
        store = self._environments.get(environment).store
        return store.notices if store is not None else ()

    def discover(self, environment: str) -> frozenset[str]:
        """Find all environments in the backend of this one. I/O, one listing; raises what the store raises."""
        parsed = (
            parse_secret_name(secret.name) for secret in self._looked_at(environment).list_metadata(f"{ROOT}/")
        )
        return frozenset(
            name.environment if isinstance(name, ControlName) else name.ref.environment
            for name in parsed
            if name is not None
        )

    def refresh(self, environment: str) -> EnvironmentView:
        """List an environment and give its new view. I/O; never raises ``CoreError``: a failure is part of the view.

        After a failure the rows of the last success stay, with their age. What a refresh that began later has found
        is never replaced.
        """
        known = self._environments.get(environment)
        with known.lock:
            known.begun = number = known.begun + 1
        before = known.view or self.blank(environment)
        try:
            view = list_environment(
                self._looked_at(environment),
                known.settings,
                backend=known.backend,
                read_only=self.is_read_only(environment),
                known=[row.ref.exchange for row in before.rows],
                births=known.births,
                now=self.clock(),
            )
        except CoreError as error:
            denied = error.code in ("denied", "identity", "wrong-account", "refused", "unsupported")
            state = EnvironmentState.DENIED if denied else EnvironmentState.UNREACHABLE
            view = replace(known.view or before, state=state, problem=error)
        with known.lock:
            if number > known.shown:
                known.shown, known.view = number, view
                if view.problem is None:
                    known.changed = {ref: begun for ref, begun in known.changed.items() if begun >= number}
        return self.view(environment)

    def look_up_age(self, ref: CredentialRef) -> EnvironmentView:
        """Find the true age of a legacy credential from its version lists; gives the view with it. I/O.

        Raises what ``SecretStore.list_versions`` raises.
        """
        known = self._environments.get(ref.environment)
        found = look_up_birth(self._looked_at(ref.environment), ref)
        if found is not None and known.view is not None:
            version_id, born = found
            known.births[ref, version_id] = born
            rows = overview.worst_first(
                overview.with_birth(row, born, known.settings, self.clock())
                if row.ref == ref and row.version_id == version_id and overview.needs_look_up(row)
                else row
                for row in known.view.rows
            )
            known.view = replace(known.view, rows=rows, counts=overview.count(rows))
        return self.view(ref.environment)

    def history(self, ref: CredentialRef) -> tuple[HistoryEntry, ...]:
        """List the versions of a credential, newest first. I/O; raises as ``history.list_history``."""
        return list_history(self._looked_at(ref.environment), ref)

    def fetch(self, ref: CredentialRef) -> APICredentials:
        """Read a credential's values. I/O; raises as ``SecretProvider.get_api_credentials``."""
        from secrets_core.provider import SecretProvider

        self._refuse(Action.FETCH, ref)
        policy = self._environments.get(ref.environment).settings.policy
        provider = SecretProvider(
            self._environments.store(ref.environment),
            policies={ref.environment: policy},
            variables=self._variables,
            clock=self.clock,
        )
        return provider.get_api_credentials(ref.environment, ref.exchange)

    def find_key(self, api_key: Secret) -> Found:
        """Tell whose a typed key id is, in every environment, current or older, by its fingerprint alone. I/O."""
        matches: list[Match] = []
        unchecked: list[tuple[str, str]] = []
        for environment in self.environments:
            view = self._environments.get(environment).view
            try:
                self._looked_at(environment)
                found, gaps = search(view, self._environments.fingerprint_key(environment), api_key)
            except CoreError as error:
                found, gaps = [], (error.message,)
            matches.extend(found)
            unchecked.extend((environment, gap) for gap in gaps)
        return Found(tuple(sorted(matches, key=lambda match: (not match.current, match.ref))), tuple(unchecked))

    def verify(self, ref: CredentialRef, values: Mapping[str, Secret]) -> Match | None:
        """Tell which version of a credential these values are, by fingerprint alone. I/O; see ``history.recognise``."""
        store = self._looked_at(ref.environment)
        return recognise(store, ref, values, self._environments.fingerprint_key(ref.environment))

    def save(
        self, ref: CredentialRef, values: Mapping[str, Secret], *, why: str = "first", ip_bound: bool | None = None
    ) -> Done:
        """Store a new credential. I/O; raises as ``pairs.create``."""
        return self._written(
            Action.SAVE, ref, lambda store, change: pairs.create(store, ref, values, change), why, ip_bound
        )

    def rotate(
        self,
        ref: CredentialRef,
        values: Mapping[str, Secret],
        *,
        why: str = "scheduled",
        ip_bound: bool | None = None,
        expected: str | None = None,
    ) -> Done:
        """Replace a credential as one. I/O; raises as ``pairs.rotate``."""
        return self._written(
            Action.ROTATE,
            ref,
            lambda store, change: pairs.rotate(store, ref, values, change, expected=expected),
            why,
            ip_bound,
        )

    def roll_back(self, ref: CredentialRef, to: str | None = None) -> Done:
        """Make an older version current again. I/O; raises as ``pairs.roll_back``."""
        return self._written(
            Action.ROLLBACK, ref, lambda store, change: pairs.roll_back(store, ref, change, to=to), "other"
        )

    def adopt(self, ref: CredentialRef) -> Done:
        """Give a legacy credential one id of ours. I/O; raises as ``pairs.adopt``."""
        return self._written(Action.ADOPT, ref, lambda store, change: pairs.adopt(store, ref, change), "adopted")

    def repair(self, ref: CredentialRef) -> pairs.Repair:
        """Finish or undo what a dead writer left. I/O; raises as ``pairs.repair``."""
        return self._change(Action.REPAIR, ref, lambda store: pairs.repair(store, ref, self.clock()))

    def delete(self, ref: CredentialRef, recovery_days: int = RECOVERY_DAYS) -> Done:
        """Schedule a credential's deletion. I/O; raises as ``pairs.delete``."""
        strict = self._is_strict(ref.environment)
        self._change(
            Action.DELETE, ref, lambda store: pairs.delete(store, ref, recovery_days=recovery_days, strict=strict)
        )
        return Done(Action.DELETE, ref)

    def restore(self, ref: CredentialRef) -> Done:
        """Take back a scheduled deletion. I/O; raises as ``pairs.restore``."""
        strict = self._is_strict(ref.environment)
        scheduled = self._change(Action.RESTORE, ref, lambda store: pairs.restore(store, ref, strict=strict))
        return Done(Action.RESTORE, ref, notices=() if scheduled else ("It was not scheduled for deletion.",))

    def initialise(self, environment: str) -> tuple[str, ...]:
        """Make the control records that are missing, the fingerprint key and an empty freeze record; gives these. I/O.

        Of each the control name is given, ``_fingerprint`` or ``_freeze``.
        """

        def make(store: SecretStore) -> tuple[str, ...]:
            keyed = self._environments.fingerprint_key(environment) is not None
            self._environments.fingerprint_key(environment, make=True)
            made = ensure_record(store, environment, new_version_id(self.clock()))
            return (*([] if keyed else [FINGERPRINT]), *([FREEZE] if made else []))

        return self._change(Action.INIT, environment, make)

    def last_review(self, environment: str) -> HeldRecord | None:
        """Give the record of the environment's last signed review. I/O; raises as ``read_record``."""
        from secrets_core.review.record import read_record

        self._refuse(Action.REVIEW, environment)
        return read_record(self._environments.store(environment), environment)

    def sign_review(self, environment: str, review: Review) -> Recorded:
        """Record a signed review as the environment's last one. I/O; raises as ``signing.record_review``."""
        from secrets_core.review.signing import record_review

        return self._change(Action.SIGN, environment, lambda store: record_review(store, environment, review))

    def _looked_at(self, environment: str) -> SecretStore:
        """Give the store of an environment that may be looked at by this process; raise ``Refused`` for another."""
        self._refuse(Action.REVIEW if self._metadata_only else Action.FETCH, environment)
        return self._environments.store(environment)

    def _is_strict(self, environment: str) -> bool:
        return self._environments.get(environment).settings.policy.mode == "strict"

    def _refuse(self, action: Action, subject: CredentialRef | str) -> None:
        if reason := self.refusal(action, subject):
            raise Refused(reason.sentence, guard=reason.guard, hint=reason.hint, path=str(subject))

    def _change(self, action: Action, subject: CredentialRef | str, run: Callable[[SecretStore], Result]) -> Result:
        """Carry out a change: the one place they all pass."""
        self._refuse(action, subject)
        environment = subject if isinstance(subject, str) else subject.environment
        known = self._environments.get(environment)
        try:
            result = run(self._environments.store(environment))
        finally:
            # Whatever came of it: the latest listing may be wrong about it now.
            if not isinstance(subject, str):
                with known.lock:
                    known.changed[subject] = known.begun
        if known.lifted_until is not None:
            self.lift_read_only(environment)
        return result

    def _written(
        self,
        action: Action,
        ref: CredentialRef,
        run: Callable[[SecretStore, pairs.Change], pairs.Written],
        why: str,
        ip_bound: bool | None = None,
    ) -> Done:
        notices: list[str] = []

        def write(store: SecretStore) -> pairs.Written:
            try:
                key = self._environments.fingerprint_key(ref.environment, make=action is not Action.ROLLBACK)
            except (Denied, SettingsError, ScheduledForDeletion) as error:
                # Not worth a refusal: in an incident the new key must be stored whatever happened to this record.
                key = None
                notices.append(f"It could not be fingerprinted, nor compared with burned keys: {error.message}")
            try:
                operator = store.identity().operator
            except Unreachable:
                operator = local_operator()
            change = pairs.Change(
                by=operator,
                why=why,
                now=self.clock(),
                fingerprint_key=key,
                strict=self._is_strict(ref.environment),
                ip_bound=ip_bound,
            )
            return run(store, change)

        written = self._change(action, ref, write)
        return Done(action, ref, written.version_id, (*written.notices, *notices))
