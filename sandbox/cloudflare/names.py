"""What namespaces, scripts and tags may be called, and how scripts are chosen by their tags."""

import re
from collections.abc import Iterable

from sandbox.cloudflare import errors

MOST_TAGS = 8
LONGEST_TAG = 1024
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_ACCOUNT_ID = re.compile(r"[0-9a-f]{32}")


def is_account_id(text: str) -> bool:
    """Say whether this can be an account's identifier."""
    return _ACCOUNT_ID.fullmatch(text) is not None


def check_namespace(name: object) -> str:
    """Return a namespace's name, or refuse it."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise errors.namespace_invalid(str(name))
    return name


def check_script(name: str) -> str:
    """Return a script's name, or refuse it."""
    if not _NAME.fullmatch(name):
        raise errors.script_name_invalid()
    return name


def check_tags(tags: object) -> tuple[str, ...]:
    """Return tags without repetition, or refuse them.

    https://developers.cloudflare.com/cloudflare-for-platforms/workers-for-platforms/configuration/tags/
    """
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise errors.invalid_request("tags must be a list of strings")
    unique = tuple(dict.fromkeys(tags))
    for tag in unique:
        _check_tag(tag)
    if len(unique) > MOST_TAGS:
        raise errors.invalid_request(f"a script can have at most {MOST_TAGS} tags, got {len(unique)}")
    return unique


def _check_tag(tag: str) -> None:
    if not tag or "," in tag or "&" in tag:
        raise errors.invalid_request(
            f"tag {tag!r} is invalid: a tag is not empty and contains neither , nor &"
        )
    if len(tag) > LONGEST_TAG:
        raise errors.invalid_request(f"a tag has at most {LONGEST_TAG} characters")


class TagFilter:
    """A choice of scripts: `customer-1:yes,old:no` keeps those with the first and without the second."""

    def __init__(self, wanted: Iterable[str], unwanted: Iterable[str]) -> None:
        self.wanted = frozenset(wanted)
        self.unwanted = frozenset(unwanted)

    @classmethod
    def from_query(cls, text: str) -> "TagFilter":
        """Read the `tags` parameter; a term without `:yes` or `:no` is refused."""
        chosen: dict[str, set[str]] = {"yes": set(), "no": set()}
        for term in text.split(","):
            tag, _, answer = term.rpartition(":")
            if not tag or answer not in chosen:
                raise errors.invalid_request(f"tags filter {term!r} must end in :yes or :no")
            chosen[answer].add(tag)
        return cls(chosen["yes"], chosen["no"])

    def keeps(self, tags: Iterable[str]) -> bool:
        """Say whether a script with these tags is chosen."""
        present = set(tags)
        return self.wanted <= present and not self.unwanted & present
