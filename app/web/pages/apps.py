"""`/`: all apps that the caller may see, with how each stands."""

from flask import Blueprint, Response

from app.domain.rights import Act
from app.web.context import context
from app.web.guard import needs
from app.web.pages.shell import render

pages = Blueprint("pages_apps", __name__)


@pages.get("/")
@needs(Act.SEE)
def list_apps() -> Response:
    """Show the apps, newest first."""
    with context().records.read() as tx:
        page = tx.apps.list()
    return render("apps.html", apps=page.items)
