"""Health as JSON."""

from typing import Literal

from app.web.views.base import View


class HealthView(View):
    """That a process is well."""

    status: Literal["ok", "ready"]
