"""Accounts at the vendors as the adapters' tests use them."""

from dataclasses import replace
from typing import Any

from app.settings import CloudflareSettings, GitHubSettings, Secret


def github_settings(api_url: str = "http://github.test:8080/api/v3", **changes: Any) -> GitHubSettings:
    """Return settings that write without pauses, as the owner of a token."""
    settings = GitHubSettings(
        api_url=api_url,
        org="acme",
        template_repo="acme/template",
        webhook_secret=Secret("webhook-secret-of-the-test"),
        token=Secret("ghp_token_of_the_test"),
        app_id=None,
        private_key=None,
        write_pause_seconds=0,
        write_rate=0,
        point_rate=0,
        oidc_issuer="https://github.test/_services/token",
    )
    return replace(settings, **changes)


def cloudflare_settings(
    api_url: str = "https://api.cloudflare.test/client/v4", **changes: Any
) -> CloudflareSettings:
    settings = CloudflareSettings(
        api_url=api_url,
        account_id="acc",
        api_token=Secret("cloudflare-token-of-the-test"),
        namespace_preview="test-preview",
        namespace_staging="test-staging",
        namespace_production="test-production",
        namespace_untrusted="test-untrusted",
        rate=0,
    )
    return replace(settings, **changes)
