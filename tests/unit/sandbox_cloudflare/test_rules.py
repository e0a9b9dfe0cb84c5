"""The sandbox's rules that need neither disk nor network."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.cloudflare import bindings
from sandbox.cloudflare.asset_rules import asset_config, parse_headers, parse_redirects, router_config
from sandbox.cloudflare.asset_uploads import Base64Reader, buckets, check_manifest
from sandbox.cloudflare.errors import ApiError
from sandbox.cloudflare.gate import RateLimit
from sandbox.cloudflare.model import Version
from sandbox.cloudflare.names import MOST_TAGS, TagFilter, check_script, check_tags


def refused(work: Callable[[], object]) -> int:
    with pytest.raises(ApiError) as refusal:
        work()
    return refusal.value.code


def version(*given: dict[str, Any]) -> Version:
    return Version(
        main_module="index.js",
        modules=(),
        bindings=given,
        compatibility_date="2026-01-01",
        compatibility_flags=(),
    )


class TestTags:
    @pytest.mark.parametrize(
        ("query", "tags", "kept"),
        [
            ("a:yes", {"a", "b"}, True),
            ("a:yes", {"b"}, False),
            ("a:no", {"b"}, True),
            ("a:yes,b:no", {"a", "b"}, False),
            ("key:value:yes", {"key:value"}, True),
        ],
    )
    def test_a_filter_keeps_scripts_by_their_tags(self, query: str, tags: set[str], *, kept: bool) -> None:
        assert TagFilter.from_query(query).keeps(tags) is kept

    @pytest.mark.parametrize("query", ["a", "a:", ":yes", "a:yes,", ""])
    def test_a_filter_that_does_not_say_yes_or_no_is_refused(self, query: str) -> None:
        assert refused(lambda: TagFilter.from_query(query)) == 10021

    def test_tags_are_kept_in_order_without_repetition(self) -> None:
        assert check_tags(["b", "a", "b"]) == ("b", "a")

    def test_there_is_a_limit(self) -> None:
        most = [str(number) for number in range(MOST_TAGS)]
        assert len(check_tags(most)) == MOST_TAGS
        assert refused(lambda: check_tags([*most, "one more"])) == 10021

    @pytest.mark.parametrize("tags", [["a,b"], ["a&b"], [""], [1], "a", {"a": 1}, None, ["x" * 1025]])
    def test_an_impossible_tag_is_refused(self, tags: object) -> None:
        assert refused(lambda: check_tags(tags)) == 10021


@given(st.text(max_size=70))
def test_a_script_name_can_be_a_folder_or_is_refused(name: str) -> None:
    try:
        check_script(name)
    except ApiError:
        return
    assert name
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-_")


class TestRedirects:
    def test_plain_paths_and_patterns_are_told_apart(self) -> None:
        rules = parse_redirects("# old ones\n/a /b\n/c/* /d/:splat 301\n\n/e/:id /f/:id 308\n")
        assert rules["staticRules"] == {"/a": {"status": 302, "to": "/b", "lineNumber": 2}}
        assert rules["rules"] == {
            "/c/*": {"status": 301, "to": "/d/:splat"},
            "/e/:id": {"status": 308, "to": "/f/:id"},
        }

    def test_the_first_of_two_rules_wins(self) -> None:
        assert parse_redirects("/a /b\n/a /c")["staticRules"]["/a"]["to"] == "/b"

    @pytest.mark.parametrize("line", ["/a", "a /b", "/a /b 404", "/a /b 301 more"])
    def test_a_line_that_cannot_be_read_is_refused(self, line: str) -> None:
        assert refused(lambda: parse_redirects(line)) == 10021


class TestHeaders:
    def test_headers_belong_to_the_path_above_them(self) -> None:
        rules = parse_headers("/*\n  X-A: 1\n  X-A: 2\n/b\n  ! X-A\n  X-B: c:d\n")["rules"]
        assert rules == {"/*": {"set": {"x-a": "1, 2"}}, "/b": {"set": {"x-b": "c:d"}, "unset": ["X-A"]}}

    @pytest.mark.parametrize("text", ["X-A: 1", "/a\n  nonsense", "/a\n  X-A:"])
    def test_a_line_that_cannot_be_read_is_refused(self, text: str) -> None:
        assert refused(lambda: parse_headers(text)) == 10021


class TestAssetConfiguration:
    def test_defaults_are_those_of_cloudflare(self) -> None:
        config = asset_config({}, "2026-01-01", [])
        assert (config["html_handling"], config["not_found_handling"]) == ("auto-trailing-slash", "none")

    @pytest.mark.parametrize("key", ["html_handling", "not_found_handling"])
    def test_an_unknown_choice_is_refused(self, key: str) -> None:
        assert refused(lambda: asset_config({key: "other"}, "2026-01-01", [])) == 10021

    def test_a_list_of_rules_names_code_and_assets(self) -> None:
        router = router_config({"run_worker_first": ["/api/*", "!/api/docs"]}, has_modules=True)
        assert router["static_routing"] == {"user_worker": ["/api/*"], "asset_worker": ["/api/docs"]}
        assert router["invoke_user_worker_ahead_of_assets"] is False

    def test_a_site_without_code_never_runs_code(self) -> None:
        router = router_config({"run_worker_first": True}, has_modules=False)
        assert router == {"has_user_worker": False, "invoke_user_worker_ahead_of_assets": False}

    @pytest.mark.parametrize("first", ["/api", ["api"], [1], 1])
    def test_impossible_rules_are_refused(self, first: object) -> None:
        assert refused(lambda: router_config({"run_worker_first": first}, has_modules=True)) == 10021


class TestAssetUploads:
    def test_buckets_are_bounded_in_number_and_size(self) -> None:
        megabyte = 1024 * 1024
        many = buckets({str(number): 1 for number in range(250)})
        assert [len(bucket) for bucket in many] == [100, 100, 50]
        large = buckets({"a": 25 * megabyte, "b": 25 * megabyte, "c": 1})
        assert large == [["a"], ["b", "c"]]
        assert buckets({}) == []

    def test_a_manifest_may_be_empty(self) -> None:
        assert check_manifest({}) == {}

    @given(st.binary(max_size=200))
    def test_base64_is_read_as_what_it_stands_for(self, content: bytes) -> None:
        reader = Base64Reader(io.BytesIO(base64.b64encode(content)))
        assert b"".join(iter(lambda: reader.read(8), b"")) == content


class TestBindings:
    def test_kept_types_stay_unless_they_are_named_again(self) -> None:
        before = version(
            {"name": "A", "type": "secret_text", "text": "old"},
            {"name": "B", "type": "secret_text", "text": "kept"},
            {"name": "C", "type": "plain_text", "text": "gone"},
        )
        merged = bindings.merge([{"name": "A", "type": "plain_text", "text": "new"}], before, ["secret_text"])
        assert {binding["name"]: binding["text"] for binding in merged} == {"A": "new", "B": "kept"}

    def test_an_inherited_binding_may_be_renamed(self) -> None:
        before = version({"name": "A", "type": "json", "json": 1})
        merged = bindings.merge([{"name": "B", "type": "inherit", "old_name": "A"}], before, ())
        assert merged == ({"name": "B", "type": "json", "json": 1},)

    def test_a_missing_binding_cannot_be_inherited(self) -> None:
        assert refused(lambda: bindings.merge([{"name": "A", "type": "inherit"}], None, ())) == 10056

    def test_a_secret_is_shown_without_its_text(self) -> None:
        assert "text" not in bindings.shown({"name": "A", "type": "secret_text", "text": "x"})


class TestRateLimit:
    def test_it_counts_within_a_moving_window(self) -> None:
        present = 0.0
        limit = RateLimit(2, 10, clock=lambda: present)
        assert limit.take()["ratelimit"] == '"default";r=1;t=10'
        present = 4.0
        assert limit.take()["ratelimit"] == '"default";r=0;t=6'
        with pytest.raises(ApiError) as refusal:
            limit.take()
        assert refusal.value.headers["retry-after"] == "6"
        present = 10.0
        assert limit.take()["ratelimit"] == '"default";r=0;t=4'
