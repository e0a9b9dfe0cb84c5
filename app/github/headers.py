"""Which headers of a delivery are kept: those that say what it is, and none that may hold a secret."""

from typing import Final

# GitHub once sent webhooks' secrets along in a header: only what is named here is kept.
KEPT_HEADERS: Final = (
    "X-GitHub-Event",
    "X-GitHub-Delivery",
    "X-GitHub-Hook-ID",
    "X-GitHub-Hook-Installation-Target-Type",
    "X-GitHub-Hook-Installation-Target-ID",
    "User-Agent",
    "Content-Type",
)
