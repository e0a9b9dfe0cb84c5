"""Settings: raw strings from the environment in, frozen valid values out.

Nothing else reads the environment. A `Secret` never prints itself. Nothing here connects anywhere:
whether a token is accepted is found out by whoever uses it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from app import formats
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
    "BRANCHLINE_ENCRYPTION_KEYS": "keys with commas between them, the newest first: python -c "
    "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'",
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
    "BRANCHLINE_PREVIEW_DAYS": "days from the last push after which a preview is taken down, 1 to 365",
    "BRANCHLINE_KEPT_DEPLOYMENTS": "how many deployments of production and of staging keep their address, "
    "1 to 1000",
    "BRANCHLINE_HEAL": "what may be done by itself about drift, where an app says nothing else: off, safe "
    "(deletes nothing, and overwrites nothing that somebody edited) or all",
    "BRANCHLINE_RECONCILE_MINUTES": "minutes from one pass that looks for drift to the next, 1 to 10080; "
    "0 for never",
    "BRANCHLINE_CPU_MS": "milliseconds of processor time that one request to a script may take, 1 to 300000",
    "BRANCHLINE_INVOCATIONS": "how many functions a web process calls for others at once, streams included, "
    "1 to 2000",
    "BRANCHLINE_INVOKE_RATE": "how many calls per second of one worker a web process takes in the long run, "
    "1 to 10000",
    "BRANCHLINE_LIVE_STREAMS": "how many streams of events a web process keeps open, 1 to 5000",
    "BRANCHLINE_DELIVERY_DAYS": "days after which a delivery that is done with is deleted, 4 to 3650",
    "BRANCHLINE_EVENT_DAYS": "days after which events move from the database into archives in the bundle "
    "store, 1 to 36500; 0 for never",
    "BRANCHLINE_DEPLOY_AUTH": "oidc, hmac where GitHub's tokens are not to be had, or token "
    "(what that exposes: docs/security.md)",
    "BRANCHLINE_IMPORT_ORIGINS": "origins that apps may be imported from although they are not public, "
    "separated by commas, for example https://git.example.internal",
    "BRANCHLINE_OPERATORS": "the GitHub logins of people who may do everything, or the numbers of their "
    "accounts as id:NUMBER, separated by commas",
    "BRANCHLINE_PROXIES": "how many proxies stand before the web processes, 0 to 10: the caller's address is "
    "taken from what the outermost of them says",
    "BRANCHLINE_METRICS": "who may read /metrics: token (who bears BRANCHLINE_API_TOKEN), open or off",
    "BRANCHLINE_ESBUILD": "the absolute path of esbuild's binary, which compiles workers; "
    "npm install esbuild@0.28.2 puts it into node_modules/esbuild/bin/esbuild",
    "GITHUB_API_URL": "https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise Server",
    "GITHUB_URL": "where people sign in: https://github.com, or https://HOST for GitHub Enterprise Server",
    "GITHUB_CLIENT_ID": "the client id of the GitHub App or OAuth App that people sign in to; "
    "GITHUB_CLIENT_SECRET goes with it",
    "GITHUB_CLIENT_SECRET": "a client secret from that app's settings page; GITHUB_CLIENT_ID goes with it",
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
    "GITHUB_WRITE_RATE": "writes to GitHub in an hour, 500 on github.com; 0 for no limit",
    "GITHUB_POINT_RATE": "points of requests to GitHub in a minute, 900 on github.com; 0 for no limit",
    "CLOUDFLARE_API_URL": "https://api.cloudflare.com/client/v4",
    "CLOUDFLARE_ACCOUNT_ID": "the account id on the Workers overview page of the Cloudflare dashboard",
    "CLOUDFLARE_API_TOKEN": "a token with Workers Scripts: Edit for that account, "
    "from dash.cloudflare.com/profile/api-tokens",
    "CLOUDFLARE_RATE": "requests to Cloudflare in five minutes, 1200 by default; 0 for no limit",
    "WFP_NAMESPACE_PREVIEW": "the name of the dispatch namespace for previews",
    "WFP_NAMESPACE_STAGING": "the name of the dispatch namespace for staging",
    "WFP_NAMESPACE_PRODUCTION": "the name of the dispatch namespace for production",
    "WFP_NAMESPACE_UNTRUSTED": "the name of the dispatch namespace for previews of forks",
    "WFP_DISPATCH_DOMAIN": "the address of the dispatch worker for /app/{script}, "
    "for example apps.example.com",
    "APPS_DOMAIN": "the domain under which {script}.APPS_DOMAIN reaches the dispatch worker, "
    "for example example.app",
}

_MINIMUM_KEY: Final = 32
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
    write_rate: int
    point_rate: int
    oidc_issuer: str


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """As which application of GitHub people sign in; `url` is where its pages are."""

    url: str
    api_url: str
    client_id: str
    client_secret: Secret


@dataclass(frozen=True, slots=True)
class CloudflareSettings:
    """How Cloudflare is reached, and the dispatch namespace of each environment."""

    api_url: str
    account_id: str
    api_token: Secret
    namespace_preview: str
    namespace_staging: str
    namespace_production: str
    namespace_untrusted: str
    rate: int


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
class InvocationSettings:
    """What a web process may carry of calls of functions: `at_once` of all, `per_second` of each worker's."""

    at_once: int
    per_second: int


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """How often drift is looked for (0: never), and how much is healed where an app says nothing else."""

    minutes: int
    heal: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides. `database_url` may hold a password and is not shown.

    `encryption_keys` are the operator's own, the newest first, or none. Without `sign_in` nobody signs in;
    `operators` are logins in lower case, or numbers of accounts as `id:1`.
    """

    database_url: str = field(repr=False)
    url: str
    secret_key: Secret
    encryption_keys: tuple[Secret, ...]
    api_token: Secret
    stage: str
    address_style: str
    deploy_auth: str
    dispatch_origin: str
    apps_origin: str
    github: GitHubSettings
    cloudflare: CloudflareSettings
    bundles: Path | BucketSettings
    preview_days: int
    kept_deployments: int
    cpu_ms: int | None
    reconcile: ReconcileSettings
    invocations: InvocationSettings
    live_streams: int
    event_days: int
    delivery_days: int
    esbuild: Path | None
    metrics: str
    import_origins: tuple[str, ...] = ()
    sign_in: SignInSettings | None = None
    operators: frozenset[str] = frozenset()
    proxies: int = 0

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Check every setting. Raises Misconfigured for the first that is wrong; then nothing may start."""
        read = _Reader(environ)
        stage = read.value("BRANCHLINE_STAGE", formats.label, default="live")
        deploy_auth = read.value("BRANCHLINE_DEPLOY_AUTH", formats.deploy_auth, default="oidc")
        database_url = read.value("DATABASE_URL", formats.database_url, default="sqlite:///branchline.sqlite")
        return cls(
            database_url=database_url,
            url=read.value("BRANCHLINE_URL", formats.http_url),
            secret_key=Secret(read.value("BRANCHLINE_SECRET_KEY", formats.at_least(_MINIMUM_KEY))),
            encryption_keys=tuple(
                map(Secret, read.optional("BRANCHLINE_ENCRYPTION_KEYS", formats.encryption_keys) or ())
            ),
            api_token=Secret(read.value("BRANCHLINE_API_TOKEN", formats.long_token)),
            stage=stage,
            address_style=read.value("BRANCHLINE_ADDRESS_STYLE", formats.address_style, default="subdomain"),
            deploy_auth=deploy_auth,
            dispatch_origin=read.value("WFP_DISPATCH_DOMAIN", formats.origin),
            apps_origin=read.value("APPS_DOMAIN", formats.origin),
            github=_github(read, deploy_auth),
            cloudflare=_cloudflare(read, stage),
            bundles=_bundles(read, database_url),
            preview_days=read.value("BRANCHLINE_PREVIEW_DAYS", formats.whole(1, 365), default="7"),
            kept_deployments=read.value("BRANCHLINE_KEPT_DEPLOYMENTS", formats.whole(1, 1000), default="10"),
            reconcile=_reconcile(read),
            cpu_ms=read.optional("BRANCHLINE_CPU_MS", formats.whole(1, 300_000)),
            invocations=_invocations(read),
            live_streams=read.value("BRANCHLINE_LIVE_STREAMS", formats.whole(1, 5000), default="500"),
            delivery_days=read.value("BRANCHLINE_DELIVERY_DAYS", formats.whole(4, 3650), default="30"),
            event_days=read.value("BRANCHLINE_EVENT_DAYS", formats.whole(0, 36_500), default="365"),
            esbuild=read.optional("BRANCHLINE_ESBUILD", formats.absolute_path),
            metrics=read.value("BRANCHLINE_METRICS", formats.metrics_access, default="token"),
            import_origins=read.optional("BRANCHLINE_IMPORT_ORIGINS", formats.origins) or (),
            sign_in=_sign_in(read),
            operators=read.optional("BRANCHLINE_OPERATORS", formats.logins) or frozenset(),
            proxies=read.value("BRANCHLINE_PROXIES", formats.whole(0, 10), default="0"),
        )


def database_url_from_environ(environ: Mapping[str, str]) -> str:
    """Return the one setting that `branchline db` needs."""
    return _Reader(environ).value("DATABASE_URL", formats.database_url, default="sqlite:///branchline.sqlite")


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
    token = read.optional("GITHUB_TOKEN", formats.token)
    app_id = read.optional("GITHUB_APP_ID", formats.digits)
    private_key = read.optional("GITHUB_PRIVATE_KEY", formats.private_key)
    if token is None and app_id is None and private_key is None:
        raise Misconfigured("GITHUB_TOKEN", "is missing", REMEDIES["GITHUB_TOKEN"])
    if (app_id is None) != (private_key is None):
        name = "GITHUB_APP_ID" if app_id is None else "GITHUB_PRIVATE_KEY"
        raise Misconfigured(name, "is missing", REMEDIES[name])
    api_url = read.value("GITHUB_API_URL", formats.http_url, default="https://api.github.com")
    return GitHubSettings(
        api_url=api_url,
        org=read.value("GITHUB_ORG", formats.owner),
        template_repo=read.value("GITHUB_TEMPLATE_REPO", formats.full_name),
        webhook_secret=Secret(read.value("GITHUB_WEBHOOK_SECRET", formats.at_least(_MINIMUM_WEBHOOK_SECRET))),
        token=Secret(token) if token else None,
        app_id=app_id,
        private_key=Secret(private_key) if private_key else None,
        write_pause_seconds=read.value("GITHUB_WRITE_PAUSE_SECONDS", formats.seconds, default="1"),
        write_rate=read.value("GITHUB_WRITE_RATE", formats.whole(0, 1_000_000), default="500"),
        point_rate=read.value("GITHUB_POINT_RATE", formats.whole(0, 1_000_000), default="900"),
        # Where no token of its is believed, nobody asks it for keys.
        oidc_issuer=read.value(
            "GITHUB_OIDC_ISSUER",
            formats.issuer if deploy_auth == "oidc" else formats.http_url,
            default=formats.issuer_of(api_url),
        ),
    )


def _sign_in(read: _Reader) -> SignInSettings | None:
    client_id = read.optional("GITHUB_CLIENT_ID", formats.token)
    secret = read.optional("GITHUB_CLIENT_SECRET", formats.token)
    if (client_id is None) != (secret is None):
        name = "GITHUB_CLIENT_ID" if client_id is None else "GITHUB_CLIENT_SECRET"
        raise Misconfigured(name, "is missing", REMEDIES[name])
    api_url = read.value("GITHUB_API_URL", formats.http_url, default="https://api.github.com")
    url = read.value("GITHUB_URL", formats.http_url, default=formats.pages_of(api_url))
    return SignInSettings(url, api_url, client_id, Secret(secret)) if client_id and secret else None


def _cloudflare(read: _Reader, stage: str) -> CloudflareSettings:
    def namespace(environment: str) -> str:
        name = f"WFP_NAMESPACE_{environment.upper()}"
        return read.value(name, formats.label, default=f"branchline-{stage}-{environment}")

    return CloudflareSettings(
        api_url=read.value(
            "CLOUDFLARE_API_URL", formats.http_url, default="https://api.cloudflare.com/client/v4"
        ),
        account_id=read.value("CLOUDFLARE_ACCOUNT_ID", formats.word),
        api_token=Secret(read.value("CLOUDFLARE_API_TOKEN", formats.token)),
        namespace_preview=namespace("preview"),
        namespace_staging=namespace("staging"),
        namespace_production=namespace("production"),
        namespace_untrusted=namespace("untrusted"),
        rate=read.value("CLOUDFLARE_RATE", formats.whole(0, 1_000_000), default="1200"),
    )


def _invocations(read: _Reader) -> InvocationSettings:
    return InvocationSettings(
        at_once=read.value("BRANCHLINE_INVOCATIONS", formats.whole(1, 2000), default="256"),
        per_second=read.value("BRANCHLINE_INVOKE_RATE", formats.whole(1, 10_000), default="50"),
    )


def _reconcile(read: _Reader) -> ReconcileSettings:
    return ReconcileSettings(
        minutes=read.value("BRANCHLINE_RECONCILE_MINUTES", formats.whole(0, 10_080), default="30"),
        heal=read.value("BRANCHLINE_HEAL", formats.heal, default="safe"),
    )


def _bundles(read: _Reader, database_url: str) -> Path | BucketSettings:
    place = read.value("BRANCHLINE_BUNDLES", formats.place, default=_beside(database_url))
    if isinstance(place, Path):
        return place
    name, _, prefix = place.partition("/")
    return BucketSettings(
        name=name,
        prefix=prefix,
        endpoint=read.optional("BRANCHLINE_BUNDLES_ENDPOINT", formats.http_url),
        region=read.value("AWS_REGION", formats.word, default="us-east-1"),
        access_key_id=read.value("AWS_ACCESS_KEY_ID", formats.token),
        secret_access_key=Secret(read.value("AWS_SECRET_ACCESS_KEY", formats.token)),
    )


def _beside(database_url: str) -> str | None:
    """Return the directory that bundles are kept in when nothing is said: only an SQLite file has a place."""
    scheme, _, path = database_url.partition(":///")
    return str(Path(path.partition("?")[0]).absolute().with_name("bundles")) if scheme == "sqlite" else None
