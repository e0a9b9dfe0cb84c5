"""Settings: each one missing or malformed stops the start by its name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.settings import REMEDIES, BucketSettings, Secret, Settings, database_url_from_environ
from tests.unit.environ import ENVIRON, FERNET_KEY, PEM, refusal, without

REQUIRED = [
    "BRANCHLINE_URL",
    "BRANCHLINE_SECRET_KEY",
    "BRANCHLINE_API_TOKEN",
    "BRANCHLINE_BUNDLES",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "GITHUB_WEBHOOK_SECRET",
    "GITHUB_ORG",
    "GITHUB_TEMPLATE_REPO",
    "CLOUDFLARE_ACCOUNT_ID",
    "CLOUDFLARE_API_TOKEN",
    "WFP_DISPATCH_DOMAIN",
    "APPS_DOMAIN",
]
MALFORMED = {
    "DATABASE_URL": [
        "mysql://root@db/x",
        "branchline.sqlite",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "postgresql://u:p@db:port/x",
        "postgresql://u:half#whole@db/x",
    ],
    "BRANCHLINE_URL": [
        "branchline.example.com",
        "ftp://example.com",
        "https://",
        "https://u:p@a.b/",
        "https://a/?x",
    ],
    "BRANCHLINE_SECRET_KEY": ["short", " " * 40 + "x"],
    "BRANCHLINE_API_TOKEN": [
        "nineteen-characters",
        "twenty-characters-\nand-more",
        "twenty-characters-wíth-more",
    ],
    "BRANCHLINE_ENCRYPTION_KEYS": [
        "canary",
        ",",
        FERNET_KEY + ",",
        FERNET_KEY[:-2],
        f"{FERNET_KEY} {FERNET_KEY}",
    ],
    "BRANCHLINE_STAGE": ["Dev", "-dev", "a.b", "x" * 64],
    "BRANCHLINE_ADDRESS_STYLE": ["paths", "PATH"],
    "BRANCHLINE_BUNDLES": [
        "bundles",
        "./bundles",
        "/var/../etc",
        "s3://",
        "s3://A/b",
        "s3://abc/../x",
        "gs://abc",
    ],
    "BRANCHLINE_BUNDLES_ENDPOINT": ["s3.example.com", "https://key:secret@s3.example.com"],
    "AWS_ACCESS_KEY_ID": ["two words", "canäry"],
    "AWS_SECRET_ACCESS_KEY": ["canary\nline", "canäry"],
    "AWS_REGION": ["eu central", "a/b"],
    "BRANCHLINE_HEAL": ["on", "Safe", "none"],
    "BRANCHLINE_RECONCILE_MINUTES": ["-1", "10081", "often", "1.5"],
    "BRANCHLINE_PREVIEW_DAYS": ["0", "366", "a week", "7.5", "-1"],
    "BRANCHLINE_KEPT_DEPLOYMENTS": ["0", "1001", "all"],
    "BRANCHLINE_CPU_MS": ["0", "300001", "50ms"],
    "BRANCHLINE_INVOCATIONS": ["0", "2001", "many"],
    "BRANCHLINE_INVOKE_RATE": ["0", "10001", "0.5"],
    "BRANCHLINE_LIVE_STREAMS": ["0", "5001", "all"],
    "BRANCHLINE_DELIVERY_DAYS": ["3", "3651", "a month"],
    "BRANCHLINE_EVENT_DAYS": ["-1", "36501", "forever"],
    "BRANCHLINE_OPERATORS": ["ada lovelace", ",", "ada;grace", "-ada", "id:", "id:0", "id:ada", "no:1"],
    "BRANCHLINE_PROXIES": ["-1", "11", "all"],
    "BRANCHLINE_METRICS": ["on", "Token", "public"],
    "GITHUB_URL": ["github.com", "ssh://github.com"],
    "GITHUB_CLIENT_ID": ["two words", "clïent"],
    "GITHUB_CLIENT_SECRET": ["canary\nline", "canäry"],
    "BRANCHLINE_ESBUILD": ["esbuild", "node_modules/.bin/esbuild", "/opt/../esbuild"],
    "WFP_NAMESPACE_UNTRUSTED": ["Forks", "a.b", "-x"],
    "BRANCHLINE_IMPORT_ORIGINS": ["git.example.internal", "https://a.b,", "https://a.b/x", "file:///a", "*"],
    "BRANCHLINE_DEPLOY_AUTH": ["OIDC", "none", "oidc,hmac"],
    "GITHUB_OIDC_ISSUER": ["token.example.com", "http://github.example.com/_services/token", "file:///keys"],
    "GITHUB_API_URL": ["api.github.com", "https://api.github.com/#x", "https://:p@api.github.com"],
    "GITHUB_TOKEN": ["canary\r\nX-Evil: 1", "canary token", "canäry"],
    "GITHUB_APP_ID": ["twelve", "12.5", "-1"],
    "GITHUB_PRIVATE_KEY": ["canary-key", "ssh-rsa AAAA"],
    "GITHUB_WEBHOOK_SECRET": ["fifteen-letters"],
    "GITHUB_ORG": ["acme/x", "-acme", "a b", "../x"],
    "GITHUB_TEMPLATE_REPO": ["template", "acme/", "acme/x/y", "https://github.com/acme/x"],
    "GITHUB_WRITE_PAUSE_SECONDS": ["soon", "-1", "61", "nan", "inf"],
    "GITHUB_WRITE_RATE": ["-1", "1000001", "500/h"],
    "GITHUB_POINT_RATE": ["-1", "1000001", "9e2"],
    "CLOUDFLARE_RATE": ["-1", "1000001", "1,200"],
    "CLOUDFLARE_API_URL": ["api.cloudflare.com/client/v4"],
    "CLOUDFLARE_ACCOUNT_ID": ["a/b", "a b"],
    "CLOUDFLARE_API_TOKEN": ["canary\nX-Evil: 1", "canary token", "canäry"],
    "WFP_NAMESPACE_PREVIEW": ["Preview", "a_b"],
    "WFP_NAMESPACE_STAGING": ["-x"],
    "WFP_NAMESPACE_PRODUCTION": ["x" * 64],
    "WFP_DISPATCH_DOMAIN": ["https://apps.example.com/app", "ftp://x", "a?b"],
    "APPS_DOMAIN": ["https://example.app/x", "https://"],
}


def test_every_setting_is_tried_here() -> None:
    assert set(MALFORMED) == set(REMEDIES)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize(
    "environ_of", [without, lambda name: {**ENVIRON, name: "  \n"}], ids=["unset", "blank"]
)
def test_a_missing_setting_is_named_with_its_remedy(
    name: str, environ_of: Callable[[str], dict[str, str]]
) -> None:
    refused = refusal(environ_of(name))
    assert refused.setting == name
    assert str(refused) == f"{name} is missing: {REMEDIES[name]}"


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in MALFORMED for value in MALFORMED[name]]
)
def test_a_malformed_setting_is_named_with_its_remedy(name: str, value: str) -> None:
    refused = refusal({**ENVIRON, name: value})
    assert refused.setting == name
    assert f"{name} is malformed (" in str(refused)
    assert REMEDIES[name] in str(refused)


def test_github_is_spoken_to_by_token_or_as_an_app() -> None:
    by_token = Settings.from_environ(without("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY")).github
    assert by_token.token == Secret("canary-github-token")
    assert (by_token.app_id, by_token.private_key) == (None, None)
    as_app = Settings.from_environ(without("GITHUB_TOKEN")).github
    assert (as_app.token, as_app.app_id, as_app.private_key) == (None, "12345", Secret(PEM.strip()))


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (("GITHUB_TOKEN", "GITHUB_APP_ID", "GITHUB_PRIVATE_KEY"), "GITHUB_TOKEN"),
        (("GITHUB_APP_ID",), "GITHUB_APP_ID"),
        (("GITHUB_TOKEN", "GITHUB_PRIVATE_KEY"), "GITHUB_PRIVATE_KEY"),
    ],
)
def test_half_an_identity_on_github_is_none(missing: tuple[str, ...], named: str) -> None:
    assert refusal(without(*missing)).setting == named


def test_a_private_key_may_be_written_on_one_line() -> None:
    settings = Settings.from_environ({**ENVIRON, "GITHUB_PRIVATE_KEY": PEM.replace("\n", "\\n")})
    assert settings.github.private_key == Secret(PEM)


@pytest.mark.parametrize(("stage", "expected"), [("dev", "dev"), ("", "live")])
def test_namespaces_are_named_by_stage_and_environment(stage: str, expected: str) -> None:
    cloudflare = Settings.from_environ({**ENVIRON, "BRANCHLINE_STAGE": stage}).cloudflare
    assert cloudflare.namespace_preview == f"branchline-{expected}-preview"
    assert cloudflare.namespace_staging == f"branchline-{expected}-staging"
    assert cloudflare.namespace_production == f"branchline-{expected}-production"


def test_a_namespace_may_be_named_by_itself() -> None:
    cloudflare = Settings.from_environ({**ENVIRON, "WFP_NAMESPACE_STAGING": "shared"}).cloudflare
    assert (cloudflare.namespace_staging, cloudflare.namespace_preview) == (
        "shared",
        "branchline-dev-preview",
    )


def test_addresses_lose_their_last_slash_and_a_bare_domain_means_https() -> None:
    settings = Settings.from_environ(ENVIRON)
    assert settings.url == "https://branchline.example.com"
    assert settings.dispatch_origin == "https://apps.example.com"
    assert settings.apps_origin == "http://apps.localhost:8787"


def test_what_is_not_set_has_a_default() -> None:
    settings = Settings.from_environ(without("DATABASE_URL", "BRANCHLINE_STAGE"))
    assert settings.database_url == "sqlite:///branchline.sqlite"
    assert (settings.stage, settings.address_style) == ("live", "subdomain")
    assert settings.github.api_url == "https://api.github.com"
    assert settings.github.write_pause_seconds == 1
    assert settings.deploy_auth == "oidc"
    assert settings.cloudflare.api_url == "https://api.cloudflare.com/client/v4"


def test_encryption_keys_stay_in_their_order_and_may_be_left_out() -> None:
    other = FERNET_KEY.replace("Y", "Z", 1)
    settings = Settings.from_environ({**ENVIRON, "BRANCHLINE_ENCRYPTION_KEYS": f"{other}, {FERNET_KEY}\n"})
    assert settings.encryption_keys == (Secret(other), Secret(FERNET_KEY))
    assert Settings.from_environ(without("BRANCHLINE_ENCRYPTION_KEYS")).encryption_keys == ()


@pytest.mark.parametrize(
    ("api_url", "issuer"),
    [
        ("https://api.github.com", "https://token.actions.githubusercontent.com"),
        ("https://api.octocorp.ghe.com", "https://token.actions.octocorp.ghe.com"),
        ("https://github.example.com/api/v3", "https://github.example.com/_services/token"),
        ("http://127.0.0.1:9000/api/v3/", "http://127.0.0.1:9000/_services/token"),
    ],
)
def test_every_github_has_its_own_issuer(api_url: str, issuer: str) -> None:
    assert Settings.from_environ({**ENVIRON, "GITHUB_API_URL": api_url}).github.oidc_issuer == issuer


def test_an_issuer_may_be_named_by_itself() -> None:
    issuer = "https://token.actions.githubusercontent.com/octocat-inc"
    assert Settings.from_environ({**ENVIRON, "GITHUB_OIDC_ISSUER": issuer}).github.oidc_issuer == issuer


@pytest.mark.parametrize(("mode", "starts"), [("oidc", False), ("hmac", True), ("token", True)])
def test_a_github_without_tls_does_for_keys_of_our_own_alone(mode: str, *, starts: bool) -> None:
    environ = {
        **ENVIRON,
        "GITHUB_API_URL": "http://github.example.com/api/v3",
        "BRANCHLINE_DEPLOY_AUTH": mode,
    }
    if starts:
        assert Settings.from_environ(environ).deploy_auth == mode
    else:
        assert refusal(environ).setting == "GITHUB_OIDC_ISSUER"


def test_bundles_lie_in_a_bucket_when_it_is_named() -> None:
    bundles = Settings.from_environ(ENVIRON).bundles
    assert isinstance(bundles, BucketSettings)
    assert (bundles.name, bundles.prefix) == ("acme-bundles", "branchline/live")
    assert (bundles.endpoint, bundles.region) == (None, "us-east-1")
    assert bundles.secret_access_key == Secret("canary-aws-key")


def test_a_bucket_may_be_anybodys() -> None:
    environ = {**ENVIRON, "BRANCHLINE_BUNDLES_ENDPOINT": "https://s3.example.com/", "AWS_REGION": "auto"}
    bundles = Settings.from_environ({**environ, "BRANCHLINE_BUNDLES": "s3://bundles"}).bundles
    assert isinstance(bundles, BucketSettings)
    assert (bundles.name, bundles.prefix, bundles.region) == ("bundles", "", "auto")
    assert bundles.endpoint == "https://s3.example.com"


def test_bundles_lie_in_a_directory_without_keys_of_a_bucket() -> None:
    environ = without("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    assert Settings.from_environ({**environ, "BRANCHLINE_BUNDLES": "/srv/x"}).bundles == Path("/srv/x")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////var/lib/branchline/branchline.sqlite", Path("/var/lib/branchline/bundles")),
        ("sqlite:////var/lib/branchline.sqlite?timeout=5", Path("/var/lib/bundles")),
        ("sqlite:///branchline.sqlite", Path.cwd() / "bundles"),
    ],
)
def test_bundles_lie_beside_an_sqlite_database(url: str, expected: Path) -> None:
    environ = {**without("BRANCHLINE_BUNDLES"), "DATABASE_URL": url}
    assert Settings.from_environ(environ).bundles == expected


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_goes_by_three_names(scheme: str) -> None:
    url = database_url_from_environ({"DATABASE_URL": f"{scheme}://u:p@db:5432/x?sslmode=require"})
    assert url == "postgresql+psycopg://u:p@db:5432/x?sslmode=require"


def test_previews_and_deployments_are_kept_as_long_as_is_said() -> None:
    by_default = Settings.from_environ(ENVIRON)
    assert (by_default.preview_days, by_default.kept_deployments, by_default.cpu_ms) == (7, 10, None)
    told = {"BRANCHLINE_PREVIEW_DAYS": "30", "BRANCHLINE_KEPT_DEPLOYMENTS": "3", "BRANCHLINE_CPU_MS": "50"}
    settings = Settings.from_environ({**ENVIRON, **told})
    assert (settings.preview_days, settings.kept_deployments, settings.cpu_ms) == (30, 3, 50)


CLIENT = {"GITHUB_CLIENT_ID": "Ov23liTest", "GITHUB_CLIENT_SECRET": "canary-client-secret"}


def test_without_a_client_nobody_signs_in() -> None:
    assert Settings.from_environ(ENVIRON).sign_in is None


@pytest.mark.parametrize("name", CLIENT)
def test_half_a_client_is_none(name: str) -> None:
    assert refusal({**ENVIRON, **CLIENT, name: ""}).setting == name


@pytest.mark.parametrize(
    ("api_url", "url"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("https://git.acme.example/api/v3", "https://git.acme.example"),
        ("http://127.0.0.1:4711/api/v3", "http://127.0.0.1:4711"),
    ],
)
def test_people_sign_in_where_the_api_belongs_to(api_url: str, url: str) -> None:
    settings = Settings.from_environ({**ENVIRON, **CLIENT, "GITHUB_API_URL": api_url}).sign_in
    assert settings is not None
    assert (settings.url, settings.api_url) == (url, api_url)
    assert "canary" not in repr(settings)


def test_operators_are_named_in_any_case() -> None:
    assert Settings.from_environ(ENVIRON).operators == frozenset()
    named = Settings.from_environ({**ENVIRON, "BRANCHLINE_OPERATORS": "Ada, grace-hopper,"})
    assert named.operators == {"ada", "grace-hopper"}
    numbered = Settings.from_environ({**ENVIRON, "BRANCHLINE_OPERATORS": "ID:583231, ada"})
    assert numbered.operators == {"id:583231", "ada"}
