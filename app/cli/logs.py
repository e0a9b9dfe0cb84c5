"""Logging of the control plane's processes: one line an event on stderr, for whatever collects it."""

import logging


def configure_logging() -> None:
    """Log what our code says from INFO on, and what libraries say from WARNING on."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(process)d: %(message)s"
    )
    logging.getLogger("app").setLevel(logging.INFO)
