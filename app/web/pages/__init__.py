"""The pages: what people look at, rendered here and complete without scripts. One file for each page.

Pages ask and do what the API does, through the same verbs; they are no part of the API's description.
"""

from typing import Final

from flask import Blueprint

from app.web.pages import (
    account,
    activity,
    app,
    app_acts,
    apps,
    deliveries,
    deployment,
    functions,
    jobs,
    login,
    new_app,
    worker,
    workers,
)

# What is asked of a page's blueprint in files of its own.
_BESIDE: Final = (app_acts, new_app, worker)
BLUEPRINTS: Final[tuple[Blueprint, ...]] = (
    apps.pages,
    app.pages,
    workers.pages,
    deployment.pages,
    functions.pages,
    activity.pages,
    jobs.pages,
    deliveries.pages,
    login.pages,
    account.pages,
)
