import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cloudflare.gateway.modules import ModuleForm, module_form
from app.cloudflare.gateway.multipart import Part
from app.errors import InvalidInput


def part(
    name: str, content_type: str | None = "application/javascript+module", filename: str | None = None
) -> Part:
    return Part(name, name if filename is None else filename, content_type, iter([b""]))


@pytest.mark.parametrize("name", ["index.js", "./0a-add.wasm", "lib/ä b.js", "a", "..a", "x" * 512, "%2e%2e"])
def test_modules_are_called_as_bundlers_call_them(name: str) -> None:
    assert module_form(part(name)) == ModuleForm(name, "application/javascript+module")


def test_the_type_counts_without_what_follows_it() -> None:
    assert module_form(part("a", "Text/Plain; charset=utf-8")).content_type == "text/plain"
    assert module_form(part("a.map", "application/source-map")).is_source_map


@pytest.mark.parametrize(
    "name",
    [
        "",
        '"',
        'a"; filename="b',
        "a\\b",
        "a\r\nX: y",
        "a\0",
        "/etc/passwd",
        "../a",
        "a/../b",
        "x" * 513,
        "ä" * 300,
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        module_form(part(name))


@pytest.mark.parametrize(
    "content_type", [None, "", "text/html", "image/png", "application/x-sh", ";", "a" * 500]
)
def test_types_that_no_module_has_are_refused(content_type: str | None) -> None:
    with pytest.raises(InvalidInput):
        module_form(part("a", content_type))


def test_a_part_has_one_name() -> None:
    with pytest.raises(InvalidInput, match="another file name"):
        module_form(part("a.js", filename="b.js"))


@given(st.text(max_size=30))
def test_any_name_is_taken_as_it_is_or_refused(name: str) -> None:
    try:
        form = module_form(part(name))
    except InvalidInput:
        return
    assert form.name == name
    assert not {'"', "\\", "\r", "\n"} & set(name)
