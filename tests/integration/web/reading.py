"""A page as a browser reads it: its elements, their attributes, and the text that people see."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"br", "hr", "img", "input", "link", "meta", "rect", "circle", "path"}


@dataclass
class Element:
    """An element, and the text in it."""

    tag: str
    attributes: dict[str, str]
    written: str = ""

    @property
    def text(self) -> str:
        """What people read, with single spaces, also where one element ends and the next begins."""
        return " ".join(self.written.split())

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]


@dataclass
class Page(HTMLParser):
    """All elements of a page, in their order."""

    html: str
    elements: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        self.handle_data(" ")
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert tag in _VOID or (self._open and self._open[-1].tag == tag), f"</{tag}> in {self._open[-1:]}"
        if tag not in _VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.written += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Return the elements of a kind with these attributes; `class_` is one class among others."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [it for it in self.elements if it.tag == tag and _has(it, wanted)]

    def one(self, tag: str, **attributes: str) -> Element:
        """Return the one element of a kind with these attributes."""
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def text(self) -> str:
        """What people read, with single spaces."""
        return self.elements[0].text if self.elements else ""

    @property
    def actions(self) -> set[str]:
        """Where forms that act lead, by the last part of their addresses."""
        return {it["action"].rpartition("/")[2] for it in self.all("form", method="post")}


def _has(element: Element, wanted: dict[str, str]) -> bool:
    return all(
        value in element.attributes.get(name, "").split()
        if name == "class"
        else element.attributes.get(name) == value
        for name, value in wanted.items()
    )
