"""Settings: raw strings from the environment in, frozen valid values out.

Nothing else reads the environment. A `Secret` never prints itself. Nothing here connects anywhere:
whether a token is accepted is found out by whoever uses it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn, TypeVar
from urllib.parse import urlsplit

from app.errors import Misconfigured

T = TypeVar("T")


class Secret:
    """A string that shows itself only to who asks for it by `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; never log it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


# What each setting is and how one gets it; `docs/operating.md` lists the same names (a test compares).
REMEDIES: Final[Mapping[str, str]] = {
    "DATABASE_URL": "an SQLAlchemy address such as sqlite:////var/lib/branchline/branchline.sqlite "
    "or postgresql+psycopg://user:password@host/branchline",
    "BRANCHLINE_URL": "the public address of this control plane, for example https://branchline.example.com",
    "BRANCHLINE_SECRET_KEY": "at least 32 random characters: "
    "python -c 'import secrets; print(secrets.token_urlsafe(48))'",
    "BRANCHLINE_API_TOKEN": "at least 20 random characters: "
    "python -c 'import secrets; print(secrets.token_urlsafe(32))'",
    "BRANCHLINE_STAGE": "lower-case letters, digits and hyphens, for example dev or live",
    "BRANCHLINE_ADDRESS_STYLE": "subdomain or path",
    "BRANCHLINE_BUNDLES": "where each deployment's bytes are kept: the absolute path of a directory that all "
    "processes share, or s3://BUCKET/PREFIX",
    "BRANCHLINE_BUNDLES_ENDPOINT": "the address of the S3-compatible service, for example "
    "https://ACCOUNT.r2.cloudflarestorage.com; leave it out for Amazon's own",
    "AWS_ACCESS_KEY_ID": "the id of a key that may read, write, list and delete in the bucket of "
    "BRANCHLINE_BUNDLES",
    "AWS_SECRET_ACCESS_KEY": "the secret that goes with AWS_ACCESS_KEY_ID",
    "AWS_REGION": "the bucket's region, for example eu-central-1; auto for R2",
    "BRANCHLINE_DEPLOY_AUTH": "oidc, hmac where GitHub's tokens are not to be had, or token "
    "(what that exposes: docs/security.md)",
    "GITHUB_API_URL": "https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise Server",
    "GITHUB_TOKEN": "a fine-grained token with the permissions listed in docs/operating.md "
    "(or set GITHUB_APP_ID and GITHUB_PRIVATE_KEY instead)",
    "GITHUB_APP_ID": "the number on the GitHub App's settings page; GITHUB_PRIVATE_KEY goes with it",
    "GITHUB_PRIVATE_KEY": "the PEM generated on the GitHub App's settings page; GITHUB_APP_ID goes with it",
    "GITHUB_WEBHOOK_SECRET": "at least 16 random characters, the same as in the GitHub App's webhook: "
    "openssl rand -hex 32",
    "GITHUB_ORG": "the organisation in which app repositories are created",
    "GITHUB_TEMPLATE_REPO": "OWNER/NAME of the repository that every app starts as",
    "GITHUB_OIDC_ISSUER": "who signs the tokens of workflow runs: "
    "https://token.actions.githubusercontent.com, with /ENTERPRISE behind it where that is switched on, "
    "or https://HOST/_services/token",
    "GITHUB_WRITE_PAUSE_SECONDS": "seconds between two writes to GitHub, which asks for at least 1",
    "CLOUDFLARE_API_URL": "https://api.cloudflare.com/client/v4",
    "CLOUDFLARE_ACCOUNT_ID": "the account id on the Workers overview page of the Cloudflare dashboard",
    "CLOUDFLARE_API_TOKEN": "a token with Workers Scripts: Edit for that account, "
    "from dash.cloudflare.com/profile/api-tokens",
    "WFP_NAMESPACE_PREVIEW": "the name of the dispatch namespace for previews",
    "WFP_NAMESPACE_STAGING": "the name of the dispatch namespace for staging",
    "WFP_NAMESPACE_PRODUCTION": "the name of the dispatch namespace for production",
    "WFP_DISPATCH_DOMAIN": "the address of the dispatch worker for /app/{script}, "
    "for example apps.example.com",
    "APPS_DOMAIN": "the domain under which {script}.APPS_DOMAIN reaches the dispatch worker, "
    "for example example.app",
}

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_MINIMUM_KEY: Final = 32
_MINIMUM_TOKEN: Final = 20
_MINIMUM_WEBHOOK_SECRET: Final = 16


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """How GitHub is reached: by `token`, or as the installation of an App (`app_id`, `private_key`)."""

    api_url: str
    org: str
    template_repo: str
    webhook_secret: Secret
    token: Secret | None
    app_id: str | None
    private_key: Secret | None
    write_pause_seconds: float
    oidc_issuer: str


@dataclass(frozen=True, slots=True)
class CloudflareSettings:
    """How Cloudflare is reached, and the dispatch namespace of each environment."""

    api_url: str
    account_id: str
    api_token: Secret
    namespace_preview: str
    namespace_staging: str
    namespace_production: str


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """A bucket for bundles; `endpoint` is None for Amazon's own."""

    name: str
    prefix: str
    endpoint: str | None
    region: str
    access_key_id: str
    secret_access_key: Secret


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides. `database_url` may hold a password and is not shown."""

    database_url: str = field(repr=False)
    url: str
    secret_key: Secret
    api_token: Secret
    stage: str
    address_style: str
    deploy_auth: str
    dispatch_origin: str
    apps_origin: str
    github: GitHubSettings
    cloudflare: CloudflareSettings
    bundles: Path | BucketSettings

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Check every setting.

        Raises:
            Misconfigured: for the first one that is missing or malformed; nothing may start.
        """
        read = _Reader(environ)
        stage = read.value("BRANCHLINE_STAGE", _label, default="live")
        deploy_auth = read.value("BRANCHLINE_DEPLOY_AUTH", _deploy_auth, default="oidc")
        database_url = read.value("DATABASE_URL", _database_url, default="sqlite:///branchline.sqlite")
        return cls(
            database_url=database_url,
            url=read.value("BRANCHLINE_URL", _http_url),
            secret_key=Secret(read.value("BRANCHLINE_SECRET_KEY", _at_least(_MINIMUM_KEY))),
            api_token=Secret(read.value("BRANCHLINE_API_TOKEN", _long_token)),
            stage=stage,
            address_style=read.value("BRANCHLINE_ADDRESS_STYLE", _address_style, default="subdomain"),
            deploy_auth=deploy_auth,
            dispatch_origin=read.value("WFP_DISPATCH_DOMAIN", _origin),
            apps_origin=read.value("APPS_DOMAIN", _origin),
            github=_github(read, deploy_auth),
            cloudflare=_cloudflare(read, stage),
            bundles=_bundles(read, database_url),
        )


def database_url_from_environ(environ: Mapping[str, str]) -> str:
    """Return the one setting that `branchline db` needs."""
    return _Reader(environ).value("DATABASE_URL", _database_url, default="sqlite:///branchline.sqlite")


class _Reader:
    """Reads one setting at a time and says by name what is wrong with it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def value(self, name: str, parse: Callable[[str], T], default: str | None = None) -> T:
        raw = self._environ.get(name, "").strip() or default
        if not raw:
            raise Misconfigured(name, "is missing", REMEDIES[name])
        try:
            return parse(raw)
        except ValueError as error:
            raise Misconfigured(name, f"is malformed ({error})", REMEDIES[name]) from None

    def optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        return self.value(name, parse) if self._environ.get(name, "").strip() else None


def _github(read: _Reader, deploy_auth: str) -> GitHubSettings:
    token = read.optional("GITHUB_TOKEN", _token)
    app_id = read.optional("GITHUB_APP_ID", _digits)
    private_key = read.optional("GITHUB_PRIVATE_KEY", _private_key)
    if token is None and app_id is None and private_key is None:
        raise Misconfigured("GITHUB_TOKEN", "is missing", REMEDIES["GITHUB_TOKEN"])
    if (app_id is None) != (private_key is None):
        name = "GITHUB_APP_ID" if app_id is None else "GITHUB_PRIVATE_KEY"
        raise Misconfigured(name, "is missing", REMEDIES[name])
    api_url = read.value("GITHUB_API_URL", _http_url, default="https://api.github.com")
    return GitHubSettings(
        api_url=api_url,
        org=read.value("GITHUB_ORG", _owner),
        template_repo=read.value("GITHUB_TEMPLATE_REPO", _full_name),
        webhook_secret=Secret(read.value("GITHUB_WEBHOOK_SECRET", _at_least(_MINIMUM_WEBHOOK_SECRET))),
        token=Secret(token) if token else None,
        app_id=app_id,
        private_key=Secret(private_key) if private_key else None,
        write_pause_seconds=read.value("GITHUB_WRITE_PAUSE_SECONDS", _seconds, default="1"),
        # Where no token of its is believed, nobody asks it for keys.
        oidc_issuer=read.value(
            "GITHUB_OIDC_ISSUER", _issuer if deploy_auth == "oidc" else _http_url, default=_issuer_of(api_url)
        ),
    )


def _cloudflare(read: _Reader, stage: str) -> CloudflareSettings:
    def namespace(environment: str) -> str:
        name = f"WFP_NAMESPACE_{environment.upper()}"
        return read.value(name, _label, default=f"branchline-{stage}-{environment}")

    return CloudflareSettings(
        api_url=read.value("CLOUDFLARE_API_URL", _http_url, default="https://api.cloudflare.com/client/v4"),
        account_id=read.value("CLOUDFLARE_ACCOUNT_ID", _word),
        api_token=Secret(read.value("CLOUDFLARE_API_TOKEN", _token)),
        namespace_preview=namespace("preview"),
        namespace_staging=namespace("staging"),
        namespace_production=namespace("production"),
    )


def _bundles(read: _Reader, database_url: str) -> Path | BucketSettings:
    place = read.value("BRANCHLINE_BUNDLES", _place, default=_beside(database_url))
    if isinstance(place, Path):
        return place
    name, _, prefix = place.partition("/")
    return BucketSettings(
        name=name,
        prefix=prefix,
        endpoint=read.optional("BRANCHLINE_BUNDLES_ENDPOINT", _http_url),
        region=read.value("AWS_REGION", _word, default="us-east-1"),
        access_key_id=read.value("AWS_ACCESS_KEY_ID", _token),
        secret_access_key=Secret(read.value("AWS_SECRET_ACCESS_KEY", _token)),
    )


def _beside(database_url: str) -> str | None:
    """Return the directory that bundles are kept in when nothing is said: only an SQLite file has a place."""
    scheme, _, path = database_url.partition(":///")
    return str(Path(path.partition("?")[0]).absolute().with_name("bundles")) if scheme == "sqlite" else None


def _place(raw: str) -> Path | str:
    """Return a directory, or BUCKET/PREFIX."""
    bucket = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[\w.=-]+)*)/?", raw, re.ASCII)
    if bucket:
        return bucket[1]
    path = Path(raw)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("neither an absolute path nor s3://BUCKET/PREFIX")
    return path


def _http_url(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an http address")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("has a query, a fragment or a user")
    return raw.rstrip("/")


def _origin(raw: str) -> str:
    """Accept `domain[:port]`, which means https, or a full http(s) origin."""
    url = _http_url(raw if "://" in raw else f"https://{raw}")
    if urlsplit(url).path:
        raise ValueError("has a path")
    return url


def _database_url(raw: str) -> str:
    scheme, _, rest = raw.partition("://")
    if scheme == "sqlite":
        if not rest.startswith("/") or rest in {"/", "/:memory:"}:
            raise ValueError("names no file")
        return raw
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ValueError("neither sqlite nor postgresql")
    try:
        _ = urlsplit(raw).port
    except ValueError:
        # Python's own words would quote what it took for the port: perhaps a piece of the password.
        raise ValueError(
            "has no port that is a number; write @ / ? # in a password as %40 %2F %3F %23"
        ) from None
    return f"postgresql+psycopg://{rest}"


def _issuer_of(api_url: str) -> str:
    """Return who signs the tokens of workflow runs at the GitHub with this API."""
    # https://docs.github.com/en/actions/reference/security/oidc
    host = urlsplit(api_url).hostname or ""
    if host == "api.github.com":
        return "https://token.actions.githubusercontent.com"
    if host.startswith("api.") and host.endswith(".ghe.com"):
        return f"https://token.actions.{host.removeprefix('api.')}"
    return f"{api_url.removesuffix('/api/v3')}/_services/token"


def _issuer(raw: str) -> str:
    url = _http_url(raw)
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ValueError("its keys would be fetched over plain http")
    return url


def _deploy_auth(raw: str) -> str:
    if raw not in {"oidc", "hmac", "token"}:
        raise ValueError("neither oidc, hmac nor token")
    return raw


def _address_style(raw: str) -> str:
    if raw not in {"subdomain", "path"}:
        raise ValueError("unknown style")
    return raw


def _at_least(length: int) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if len(raw) < length:
            raise ValueError(f"shorter than {length} characters")
        return raw

    return parse


def _matching(pattern: str, problem: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if not re.fullmatch(pattern, raw):
            raise ValueError(problem)
        return raw

    return parse


def _long_token(raw: str) -> str:
    return _token(_at_least(_MINIMUM_TOKEN)(raw))


_label = _matching(_LABEL.pattern, "not one DNS label")
_digits = _matching(r"[0-9]+", "not a number")
_word = _matching(r"[A-Za-z0-9_-]+", "not an id")
_owner = _matching(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})", "not a GitHub owner")
# What travels in a header; libraries quote what they refuse there.
_token = _matching(r"[!-~]+", "has spaces, line ends or other than ASCII characters")
_full_name = _matching(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", "not OWNER/NAME")


def _private_key(raw: str) -> str:
    pem = raw.replace("\\n", "\n")
    if "PRIVATE KEY-----" not in pem:
        raise ValueError("not a PEM private key")
    return pem


def _seconds(raw: str) -> float:
    seconds = float(raw)
    if not 0 <= seconds <= 60:  # noqa: PLR2004 - a minute between writes is already absurd
        raise ValueError("not between 0 and 60")
    return seconds
