"""Static files on their way into the bundle store: announced, sent in buckets or one by one, and closed.

Which bytes a client means by a name is remembered per app and environment, so that what was uploaded once is
not sent again. Nothing is remembered of a request that did not end well; its bytes are of no bundle and are
pruned.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from flask import Response, request

from app.cloudflare.gateway.assets import invalid_asset, keep_asset
from app.cloudflare.gateway.content import decoded
from app.cloudflare.gateway.manifest import (
    BUCKET_BYTES,
    BUCKET_FILES,
    MAXIMUM_FILE_BYTES,
    Manifest,
    are_large,
    buckets,
)
from app.cloudflare.gateway.multipart import boundary_of, read_parts
from app.cloudflare.gateway.sessions import AssetSession
from app.domain.bundles import Asset, KnownAsset
from app.domain.deployments import Deployment
from app.errors import InvalidInput, NotFound, Unauthenticated
from app.pipeline.putting import naming_scope
from app.web.gateway.access import granted, granted_session
from app.web.gateway.answers import accept
from app.web.gateway.bodies import reading, whole
from app.web.gateway.context import context

_MANIFEST_BYTES: Final = 16 * 1024 * 1024
_PART_HEADER_BYTES: Final = 2048
# In base64 four characters are three bytes.
_BUCKET_BODY_BYTES: Final = BUCKET_BYTES // 3 * 4 + BUCKET_FILES * _PART_HEADER_BYTES


def open_session(account_id: str, namespace: str, script: str) -> Response:
    """Take an announcement of files; the answer names those that are still to be sent."""
    deployment = granted(account_id, namespace, script)
    with context().turns.take(deployment.id):
        manifest = Manifest.from_request(whole(_MANIFEST_BYTES))
        kept, _ = context().bundles.write([manifest.to_json()])
        missing = _missing(deployment, manifest)
    session = AssetSession(deployment.id, kept, is_complete=not missing)
    token = context().sessions.issue(session, context().clock(), one_by_one=are_large(missing))
    return accept({"jwt": token, "buckets": buckets(missing)})


def upload_bucket(account_id: str) -> Response:
    """Keep the files of one bucket, each a part named by its hash and written in base64."""
    session, deployment = granted_session(account_id)
    if request.args.get("base64") != "true":
        raise InvalidInput(
            "uploading assets: send them in base64, with ?base64=true", code="upload:malformed"
        )
    boundary = boundary_of(request.headers.get("Content-Type", ""))
    with context().turns.take(deployment.id):
        manifest = _manifest(session)
        sizes = manifest.sizes()
        with reading(_BUCKET_BODY_BYTES) as body:
            parts = read_parts(boundary, body)
            kept = {it.name: _kept(it.name, it.content_type, decoded(it.content), sizes) for it in parts}
        return _received(session, deployment, manifest, kept)


def upload_file(account_id: str, name: str) -> Response:
    """Keep the one file that is the body of the request, named by its hash in the path."""
    session, deployment = granted_session(account_id)
    with context().turns.take(deployment.id):
        manifest = _manifest(session)
        with reading(MAXIMUM_FILE_BYTES) as body:
            kept = _kept(name, request.headers.get("Content-Type"), body, manifest.sizes())
        return _received(session, deployment, manifest, {name: kept})


def _received(
    session: AssetSession, deployment: Deployment, manifest: Manifest, kept: Mapping[str, KnownAsset]
) -> Response:
    """Remember what has come; the last of it is answered with the token that closes the upload."""
    with context().records.begin() as tx:
        tx.assets.add(naming_scope(deployment), kept)
    if not _are_here(deployment, manifest):
        return accept({}, 202)
    closing = AssetSession(deployment.id, session.manifest, is_complete=True)
    return accept({"jwt": context().sessions.issue(closing, context().clock())}, 201)


def uploaded_assets(deployment: Deployment, token: str) -> Iterator[Asset]:
    """Yield the files of a complete upload of this deployment.

    Raises:
        Unauthenticated: the token is not that of such an upload.
    """
    session = context().sessions.read(token, context().clock(), is_complete=True)
    if session.deployment_id != deployment.id:
        raise Unauthenticated("uploading: the assets are another deployment's", code="upload:bad-session")
    manifest = _manifest(session)
    known = _known(deployment, manifest)
    if len(known) < len(manifest.sizes()):  # Defensive: what is known stays known.
        raise Unauthenticated("uploading: the assets are not all here", code="upload:bad-session")
    for path, entry in manifest.entries.items():
        asset = known[entry.name]
        yield Asset(path, asset.sha256, asset.size_bytes, asset.content_type)


def _kept(
    name: str, content_type: str | None, content: Iterable[bytes], sizes: Mapping[str, int]
) -> KnownAsset:
    """Put one file into the store as it comes."""
    if name not in sizes:
        raise invalid_asset(name, "it was not announced")
    return keep_asset(name, content_type, content, sizes[name], context().bundles)


def _missing(deployment: Deployment, manifest: Manifest) -> Mapping[str, int]:
    """Return the files that are to be sent: new ones, and those whose bytes the store has no more."""
    known = _known(deployment, manifest)
    return {
        name: size_bytes
        for name, size_bytes in manifest.sizes().items()
        if name not in known or not context().bundles.has(known[name].sha256)
    }


def _known(deployment: Deployment, manifest: Manifest) -> Mapping[str, KnownAsset]:
    sizes = manifest.sizes()
    with context().records.read() as tx:
        known = tx.assets.known(naming_scope(deployment), list(sizes))
    for name, asset in known.items():
        if asset.size_bytes != sizes[name]:
            raise InvalidInput(
                f"reading the assets' manifest: {name} was uploaded before with {asset.size_bytes} bytes",
                code="upload:invalid-manifest",
            )
    return known


def _are_here(deployment: Deployment, manifest: Manifest) -> bool:
    """Tell whether all files have come; the last are looked for first, for they are sent last."""
    names = list(reversed(manifest.sizes()))
    parts = (names[start : start + BUCKET_FILES] for start in range(0, len(names), BUCKET_FILES))
    scope = naming_scope(deployment)
    with context().records.read() as tx:
        return all(len(tx.assets.known(scope, part)) == len(part) for part in parts)


def _manifest(session: AssetSession) -> Manifest:
    try:
        with context().bundles.open(session.manifest) as file:
            return Manifest.from_json(file.read())
    except NotFound:
        raise Unauthenticated("uploading assets: the upload has expired", code="upload:bad-session") from None
