"""A vault that encrypts nothing, but lets no text be read by a search for it."""

from dataclasses import dataclass

from app.errors import SecretUnreadable


@dataclass
class FakeVault:
    """`ports.Vault`; `keys` are names, the newest first, and a test may change them."""

    keys: tuple[str, ...] = ("key-1",)

    def seal(self, place: str, text: str) -> str:
        return f"{self.keys[0]}|{place}|{text.encode().hex()}"

    def open(self, place: str, sealed: str) -> str:
        key, _, rest = sealed.partition("|")
        sealed_for, _, text = rest.partition("|")
        if key not in self.keys or sealed_for != place:
            raise SecretUnreadable(place)
        return bytes.fromhex(text).decode()

    def is_current(self, sealed: str) -> bool:
        return sealed.partition("|")[0] == self.keys[0]
