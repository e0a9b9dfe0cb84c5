"""Passes: what one look at everything takes, reckoned beforehand, and how it is paced.

A pass takes at most half of what the remotes allow, so that the other half is there for people. Healing is
not reckoned: it is as much as there is to heal.
"""

from dataclasses import dataclass
from math import ceil
from typing import Final

# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
_GITHUB_PER_HOUR: Final = 5000
# https://developers.cloudflare.com/fundamentals/api/reference/limits/
_CLOUDFLARE_PER_FIVE_MINUTES: Final = 1200
_SHARE: Final = 0.5

APPS_PER_CALL: Final = 100
SCRIPTS_PER_CALL: Final = 1000
# Of these, beside those that show drift, more is asked in each pass, one by one: whose turn it is.
ASKED_PER_PASS: Final = 10
SUSPECTS_PER_PASS: Final = 10
CALLS_PER_ASKED: Final = 2

GITHUB_PAUSE_SECONDS: Final = 3600 / (_GITHUB_PER_HOUR * _SHARE)
CLOUDFLARE_PAUSE_SECONDS: Final = 300 / (_CLOUDFLARE_PER_FIVE_MINUTES * _SHARE)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a pass over so many apps and scripts takes at most, without drift."""

    apps: int
    scripts: int
    github_calls: int
    cloudflare_calls: int
    seconds: int

    @classmethod
    def of(cls, apps: int, scripts: int, namespaces: int) -> "Estimate":
        """Reckon. Scripts lie in `namespaces`, each of which may end with a page that is not full."""
        asked = min(apps, ASKED_PER_PASS + SUSPECTS_PER_PASS)
        github = ceil(apps / APPS_PER_CALL) + asked * CALLS_PER_ASKED
        cloudflare = namespaces + scripts // SCRIPTS_PER_CALL
        seconds = github * GITHUB_PAUSE_SECONDS + cloudflare * CLOUDFLARE_PAUSE_SECONDS
        return cls(apps, scripts, github, cloudflare, ceil(seconds))
