"""Settings as an operator gives them, each with a value by which tests know it."""

import pytest

from app.errors import Misconfigured
from app.settings import Settings

PEM = "-----BEGIN RSA PRIVATE KEY-----\ncanary-pem\n-----END RSA PRIVATE KEY-----\n"
FERNET_KEY = "Y2FuYXJ5LWVuY3J5cHRpb24ta2V5LW9mLTMyLWJ5dGU="
ENVIRON = {
    "DATABASE_URL": "postgresql://branchline:canary-database@db.example/branchline",
    "BRANCHLINE_URL": "https://branchline.example.com/",
    "BRANCHLINE_SECRET_KEY": "canary-secret-key-" + "x" * 32,
    "BRANCHLINE_ENCRYPTION_KEYS": FERNET_KEY,
    "BRANCHLINE_API_TOKEN": "canary-api-token-" + "x" * 20,
    "BRANCHLINE_STAGE": "dev",
    "BRANCHLINE_BUNDLES": "s3://acme-bundles/branchline/live/",
    "AWS_ACCESS_KEY_ID": "AKIATEST",
    "AWS_SECRET_ACCESS_KEY": "canary-aws-key",
    "GITHUB_TOKEN": "canary-github-token",
    "GITHUB_APP_ID": "12345",
    "GITHUB_PRIVATE_KEY": PEM,
    "GITHUB_WEBHOOK_SECRET": "canary-webhook-secret",
    "GITHUB_ORG": "acme",
    "GITHUB_TEMPLATE_REPO": "acme/template.repo",
    "CLOUDFLARE_ACCOUNT_ID": "0123456789abcdef",
    "CLOUDFLARE_API_TOKEN": "canary-cloudflare-token",
    "WFP_DISPATCH_DOMAIN": "apps.example.com",
    "APPS_DOMAIN": "http://apps.localhost:8787",
}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in ENVIRON.items() if name not in names}


def refusal(environ: dict[str, str]) -> Misconfigured:
    with pytest.raises(Misconfigured) as refused:
        Settings.from_environ(environ)
    return refused.value
