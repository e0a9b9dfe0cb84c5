"""The one GitHub App that is there from the start: its key, its installation, its webhook.

The private key is written to ``app.json`` and not kept here: like GitHub, the site knows the public half.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sandbox.github import clock
from sandbox.github.files import write_private

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

SLUG = "branchline"
KEY_BITS = 2048


def run(site: Site, org: Row, bot: Row) -> None:
    """Have the App; may run at every start."""
    path = site.settings.directory / "app.json"
    row = site.database.one("SELECT * FROM apps WHERE slug = ?", SLUG)
    if row and path.exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with site.database.transaction():
        app_id = _renew(site, row, public) if row else _insert(site, org, bot, public)
        installation = site.database.get("SELECT id FROM installations WHERE app_id = ?", app_id)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    written = {"id": app_id, "slug": SLUG, "installationId": installation["id"], "privateKey": private}
    write_private(path, json.dumps(written, indent=2))


def _renew(site: Site, row: Row, public: str) -> int:
    """Replace the public key of an App whose private one was lost."""
    site.database.update("apps", row["id"], public_key=public)
    return int(row["id"])


def _insert(site: Site, org: Row, bot: Row, public: str) -> int:
    at = clock.now()
    owner = {"owner_id": org["id"], "account_id": bot["id"]}
    named = {"slug": SLUG, "name": "Branchline", "public_key": public}
    app_id = site.database.insert("apps", **owner, **named, created_at=at)
    site.database.insert("installations", app_id=app_id, account_id=org["id"], created_at=at)
    site.database.insert(
        "hooks",
        app_id=app_id,
        active=0,
        events='["*"]',
        url="",
        content_type="json",
        insecure_ssl="0",
        created_at=at,
        updated_at=at,
    )
    return app_id
