"""For any WSGI server: `gunicorn app.wsgi:application`."""

import atexit
import os
from typing import Final

from app.bootstrap.web import ServedApp

# As many requests at once as `branchline serve` lets through beside calls of functions.
_PLACES: Final = 8

application = ServedApp(os.environ, _PLACES)
atexit.register(application.finish)
