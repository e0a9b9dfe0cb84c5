"""What the API takes about deliveries."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from app.domain.deliveries import DeliveryFilter, DeliverySource, DeliveryStatus
from app.web.forms import Moment, PageQuery, Person

_Event = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_MOST = 500


class DeliveriesQuery(PageQuery):
    """Which deliveries."""

    status: DeliveryStatus | None = None
    source: DeliverySource | None = None
    event: _Event | None = None
    since: Moment | None = None
    until: Moment | None = None


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class ReplayOneIn(_Form):
    """Who wants a delivery worked off again."""

    by: Person | None = None


class ReplayIn(_Form):
    """Which deliveries are to be worked off again; `after` is the `next` of the part before.

    `failed`: only those whose work failed; `olderVersion`: only those that an older version has read.
    """

    since: Moment | None = None
    until: Moment | None = None
    event: _Event | None = None
    source: DeliverySource | None = None
    failed: Annotated[bool, Field(strict=True)] = False
    older_version: Annotated[bool, Field(strict=True)] = False
    dry_run: Annotated[bool, Field(strict=True)] = False
    after: Annotated[int, Field(ge=0, lt=2**53)] = 0
    limit: Annotated[int, Field(ge=1, le=_MOST)] = _MOST
    by: Person | None = None

    @model_validator(mode="after")
    def _names_some(self) -> Self:
        if self.since is None and not self.failed and not self.older_version:
            raise ValueError("say since when, or failed, or olderVersion")
        if self.failed and self.older_version:
            raise ValueError("failed and olderVersion exclude each other")
        return self

    def wanted(self, version: int) -> DeliveryFilter:
        """Return the filter, where `version` reads deliveries now."""
        return DeliveryFilter(
            status=DeliveryStatus.FAILED if self.failed else None,
            source=self.source,
            event=self.event,
            since=self.since,
            until=self.until,
            older_than=version if self.older_version else None,
        )
