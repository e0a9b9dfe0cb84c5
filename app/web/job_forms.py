"""What the API takes about jobs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from app.domain.jobs import JobStatus, JobType
from app.web.forms import PageQuery, Person

_Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class JobsQuery(PageQuery):
    """Which jobs: of an app or a worker, of a type, that stand so."""

    app: _Key | None = None
    type: JobType | None = None
    status: JobStatus | None = None


class JobActIn(BaseModel):
    """Who wants it."""

    model_config = ConfigDict(extra="forbid")

    by: Person | None = None
