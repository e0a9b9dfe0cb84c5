"""For any WSGI server: `gunicorn app.wsgi:application`."""

import os

from app.bootstrap.web import web_app

application = web_app(os.environ)
