"""What the API takes about tokens and sign-ins."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from app.domain.callers import DEFAULT_TOKEN_LIFETIME, MAXIMUM_TOKEN_LIFETIME
from app.domain.rights import Scope

_Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("it has characters that cannot be seen")
    return name


# Records say who acted by it: token:NAME.
TokenName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=60),
    AfterValidator(_printable),
]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class TokenPath(_Form):
    """A token, by its id."""

    token: _Key


class TokensQuery(_Form):
    """Whose tokens; those of `everybody` only to operators."""

    everybody: bool = False


class TokenIn(_Form):
    """A token that somebody wants; `app` is an app's, or a worker's, id, slug or name.

    `service`: it is nobody's own, and stays when people go.
    """

    name: TokenName
    scope: Scope = Scope.READ
    app: _Key | None = None
    days: Annotated[int, Field(strict=True, ge=1, le=MAXIMUM_TOKEN_LIFETIME.days)] = (
        DEFAULT_TOKEN_LIFETIME.days
    )
    service: Annotated[bool, Field(strict=True)] = False

    @property
    def lifetime(self) -> timedelta:
        """How long it is to be good."""
        return timedelta(days=self.days)


class DeviceIn(_Form):
    """A device that somebody signs in on: nothing is asked of it."""


class DeviceTokenIn(_Form):
    """The `deviceCode` of a device that waits, and what its token is to be called and good for."""

    device_code: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    name: TokenName
    scope: Scope = Scope.ADMIN
