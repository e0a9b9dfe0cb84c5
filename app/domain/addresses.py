"""Addresses of scripts: by subdomain and by path, both through the one dispatch worker.

Every script has both. The path form shares its origin with every other app (cookies, storage), which is why
the subdomain form is shown first unless the operator decides otherwise; the path form needs no DNS.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """`url` is the one to show; `alternate_url` is always the path form."""

    url: str
    alternate_url: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Knows both origins: `https://example.app` for subdomains, `https://dispatch.example.com` for paths."""

    apps_origin: str
    dispatch_origin: str
    path_first: bool = False

    def of(self, script: str) -> Address:
        """Return where `script` answers."""
        parts = urlsplit(self.apps_origin)
        subdomain = f"{parts.scheme}://{script}.{parts.netloc}"
        path = f"{self.dispatch_origin}/app/{script}"
        return Address(url=path if self.path_first else subdomain, alternate_url=path)
