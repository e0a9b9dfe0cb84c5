"""Uploads of static assets: a session names the files, buckets carry those we lack, a token closes it.

Assets are shared by all scripts of a namespace through their hash, as on Cloudflare. The hash is the
client's own and opaque to us; what we check is that a file was announced and has the announced size.
https://developers.cloudflare.com/workers/static-assets/direct-upload/
"""

import base64
import binascii
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import jwt

from sandbox.cloudflare import errors
from sandbox.cloudflare.model import Json, new_id
from sandbox.cloudflare.store import Store, read_json, write_json

MOST_FILES = 100_000
LARGEST_FILE_BYTES = 25 * 1024 * 1024
SESSION_SECONDS = 3600
_BUCKET_FILES = 100
_BUCKET_BYTES = 40 * 1024 * 1024
_CHUNK = 3 * 4 * 16384  # divisible by 4, so that a piece of base64 decodes by itself
_HASH = re.compile(r"[0-9a-f]{32}")
_NO_TYPE = "application/null"


def check_manifest(manifest: Any) -> dict[str, Json]:
    """Return a manifest `{path: {hash, size}}`, or refuse it."""
    if not isinstance(manifest, dict) or not all(_is_entry(entry) for entry in manifest.values()):
        raise errors.invalid_request("manifest must map paths to {hash: 32 hex digits, size: bytes}")
    if len(manifest) > MOST_FILES:
        raise errors.invalid_request(f"at most {MOST_FILES} assets, got {len(manifest)}")
    for path, entry in manifest.items():
        if not path.startswith("/"):
            raise errors.invalid_request(f"asset path {path!r} must start with '/'")
        if entry["size"] > LARGEST_FILE_BYTES:
            raise errors.invalid_request(f"asset {path!r} is over the limit of {LARGEST_FILE_BYTES} bytes")
    return manifest


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("hash"), str)
        and _HASH.fullmatch(entry["hash"]) is not None
        and type(entry.get("size")) is int
        and entry["size"] >= 0
    )


def buckets(sizes: dict[str, int]) -> list[list[str]]:
    """Group hashes so that each group is uploaded by one request of bearable size."""
    groups: list[list[str]] = []
    weight = 0
    for digest, size in sizes.items():
        if not groups or len(groups[-1]) == _BUCKET_FILES or weight + size > _BUCKET_BYTES:
            groups.append([])
            weight = 0
        groups[-1].append(digest)
        weight += size
    return groups


@dataclass(frozen=True)
class Session:
    """One announced upload."""

    id: str
    namespace: str
    script: str
    manifest: dict[str, Json]

    def sizes(self) -> dict[str, int]:
        """Return the size of each file by hash."""
        return {entry["hash"]: entry["size"] for entry in self.manifest.values()}


class Readable(Protocol):
    """Content that is read a piece at a time."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; none at the end."""
        ...


class AssetUploads:
    """Sessions and contents on disk, tokens signed with a key of this sandbox."""

    def __init__(self, store: Store, account_id: str, signing_key: str) -> None:
        self._store = store
        self._account_id = account_id
        self._key = signing_key

    def open(self, namespace: str, script: str, manifest: Any) -> tuple[str, list[list[str]]]:
        """Announce files. Returns a token and the hashes to upload; without any, the token is the last."""
        self._forget_expired(namespace)
        session = Session(new_id(), namespace, script, check_manifest(manifest))
        write_json(self._session_path(namespace, session.id), vars(session))
        groups = buckets(self._missing(session))
        return self._token(session, complete=not groups), groups

    def session(self, token: str) -> Session:
        """Return the session that an upload token belongs to."""
        return self._session(token, complete=False)

    def receive(self, session: Session, digest: str, content: Readable, kind: str | None) -> None:
        """Store one file of a session; one that is there already stays as it is.

        Raises:
            ApiError: it was not announced, or has another size than announced.
        """
        size = session.sizes().get(digest)
        if size is None:
            raise errors.invalid_request(f"asset {digest!r} is not in the manifest of this upload")
        path = self._asset_path(session.namespace, digest)
        described = path.with_suffix(".json")
        is_known = described.exists()
        received = _drain(content) if is_known else _write(path, content, limit=size)
        if received != size:
            raise errors.invalid_request(f"asset {digest} was announced with {size} bytes, got {received}")
        if not is_known:
            write_json(described, {"content_type": None if kind == _NO_TYPE else kind})

    def completion(self, session: Session) -> str | None:
        """Return the token that closes the session, or None while files are missing."""
        return None if self._missing(session) else self._token(session, complete=True)

    def manifest(self, namespace: str, script: str, token: str) -> Json:
        """Return what the runtime needs of a completed session: hash by path and type by hash."""
        session = self._session(token, complete=True)
        if (session.namespace, session.script) != (namespace, script):
            raise errors.upload_token_invalid()
        if self._missing(session):  # Defensive: assets leave only with their namespace.
            raise errors.upload_token_invalid()
        paths = {path: entry["hash"] for path, entry in session.manifest.items()}
        return {"paths": paths, "types": dict(self._types(namespace, set(paths.values())))}

    def _types(self, namespace: str, hashes: set[str]) -> Iterator[tuple[str, str]]:
        for digest in hashes:
            described = read_json(self._asset_path(namespace, digest).with_suffix(".json"))
            if described and described["content_type"]:
                yield digest, described["content_type"]

    def _missing(self, session: Session) -> dict[str, int]:
        sizes = session.sizes()
        described = (self._asset_path(session.namespace, digest).with_suffix(".json") for digest in sizes)
        return {
            digest: size
            for (digest, size), path in zip(sizes.items(), described, strict=True)
            if not path.exists()
        }

    def _token(self, session: Session, *, complete: bool) -> str:
        claims = {
            "account": self._account_id,
            "namespace": session.namespace,
            "script": session.script,
            "session": session.id,
            "complete": complete,
        }
        issued = int(time.time())
        return jwt.encode({**claims, "iat": issued, "exp": issued + SESSION_SECONDS}, self._key, "HS256")

    def _session(self, token: str, *, complete: bool) -> Session:
        try:
            claims = jwt.decode(token, self._key, ["HS256"], options={"require": ["exp"]})
        except jwt.InvalidTokenError as problem:
            raise errors.upload_token_invalid() from problem
        if claims.get("account") != self._account_id or claims.get("complete") is not complete:
            raise errors.upload_token_invalid()
        data = read_json(self._session_path(claims["namespace"], claims["session"]))
        if data is None:
            raise errors.upload_token_invalid()
        return Session(**data)

    def _forget_expired(self, namespace: str) -> None:
        oldest = time.time() - SESSION_SECONDS
        for path in (self._store.namespace_path(namespace) / "uploads").glob("*.json"):
            with suppress(FileNotFoundError):  # another request forgets them too
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _session_path(self, namespace: str, session: str) -> Path:
        return self._store.namespace_path(namespace) / "uploads" / f"{session}.json"

    def _asset_path(self, namespace: str, digest: str) -> Path:
        return self._store.namespace_path(namespace) / "assets" / digest


def _write(path: Path, content: Readable, limit: int) -> int:
    """Write a file in one step, at most one chunk over its limit; returns its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{new_id()}.part")
    written = 0
    with draft.open("wb") as file:
        while written <= limit and (chunk := content.read(_CHUNK)):
            written += file.write(chunk)
    if written == limit:
        draft.replace(path)
    else:
        draft.unlink()
    return written


def _drain(content: Readable) -> int:
    """Read content to its end; returns its size."""
    return sum(len(chunk) for chunk in iter(lambda: content.read(_CHUNK), b""))


class Base64Reader:
    """Reads base64 text as the bytes it stands for, a piece at a time."""

    def __init__(self, text: IO[bytes]) -> None:
        self._text = text

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; `size` must be divisible by 4 and counts the text, not the bytes."""
        try:
            return base64.b64decode(self._text.read(size), validate=True)
        except binascii.Error as problem:
            raise errors.invalid_request("an asset is not valid base64") from problem
