"""What a bot is handed: the parts of one credential, all of one version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, Self

from pydantic import BaseModel, ConfigDict, field_serializer, model_validator

from secrets_core import exchanges
from secrets_core.errors import Incomplete
from secrets_core.names import API_KEY, API_PASSPHRASE, API_SECRET, CredentialRef
from secrets_core.secret import HIDDEN, Secret, mask_api_key


class APICredentials(BaseModel):
    """The parts of one credential; built only by ``APICredentials.of()``, and printing none of them."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True)

    environment: str
    exchange: str
    """With the account, where there is one."""
    version_id: str | None
    """The pair's version; ``None`` for a legacy pair, whose parts have ids of their own."""
    api_key: Secret
    api_secret: Secret
    api_passphrase: Secret | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_through_of(cls, _data: Any) -> Any:
        # Not a ValueError: pydantic would wrap that into a ValidationError, which carries its input.
        raise TypeError("APICredentials are built by APICredentials.of()")

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_options: Any) -> NoReturn:  # noqa: ARG003 - the name is pydantic's
        # Refused before pydantic parses it: its complaint about bad JSON carries the text.
        raise TypeError("APICredentials are built by APICredentials.of()")

    @classmethod
    def parse_raw(cls, b: str | bytes, **_options: Any) -> NoReturn:  # noqa: ARG003 - as above
        # pydantic's own, like parse_file, puts what it could not read into its error.
        raise TypeError("APICredentials are built by APICredentials.of()")

    @classmethod
    def parse_file(cls, path: str | Path, **_options: Any) -> NoReturn:  # noqa: ARG003 - as above
        raise TypeError("APICredentials are built by APICredentials.of()")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Give a copy; raise ``TypeError`` for an ``update``, which nothing would check."""
        if update:
            raise TypeError("APICredentials cannot be changed")
        return super().model_copy(deep=deep)

    def copy(self, **_options: Any) -> NoReturn:
        # pydantic's own leaves parts out, or takes others in, unchecked.
        raise TypeError("APICredentials are copied by model_copy()")

    @classmethod
    def of(cls, ref: CredentialRef, values: Mapping[str, Secret], version_id: str | None) -> APICredentials:
        """Build from the values by part name; raise ``Incomplete``, never with a value, when one is missing."""
        parts = exchanges.parts_of(ref.exchange)
        missing = [part for part in parts if not values.get(part)]
        if missing or not all(isinstance(value, Secret) for value in values.values()):
            raise Incomplete(f"{ref} lacks {', '.join(missing) or 'values of type Secret'}.", path=str(ref))
        return cls.model_construct(
            environment=ref.environment,
            exchange=ref.exchange,
            version_id=version_id,
            api_key=values[API_KEY],
            api_secret=values[API_SECRET],
            api_passphrase=values[API_PASSPHRASE] if API_PASSPHRASE in parts else None,
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        # pydantic's own refusal carries the value that was to be set.
        raise AttributeError("APICredentials cannot be changed")

    def ccxt(self) -> dict[str, str]:
        """Give the values as the keyword settings that ccxt's exchange classes take, in the clear.

        Source: ``requiredCredentials`` of ccxt's exchange classes, e.g. ``apiKey``, ``secret``, ``password``.
        """
        names = exchanges.find(CredentialRef(self.environment, self.exchange).venue).ccxt_names
        values = {API_KEY: self.api_key, API_SECRET: self.api_secret, API_PASSPHRASE: self.api_passphrase}
        return {names[part]: value.reveal() for part, value in values.items() if value is not None}

    def mask(self) -> dict[str, str]:
        """Give the JSON contract's form: ``abc...***`` for the key, ``***`` for the other parts."""
        masked = {
            "api_key": mask_api_key(self.api_key),
            "api_secret": "***",
            "env": self.environment,
            "exchange": self.exchange,
        }
        return masked if self.api_passphrase is None else masked | {"api_passphrase": "***"}

    @field_serializer("api_key", "api_secret", "api_passphrase")
    def _hide(self, value: Secret | None) -> str | None:
        return None if value is None else HIDDEN
