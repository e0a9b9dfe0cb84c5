"""What every vault does alike: the fake that unit tests trust, and Fernet."""

from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet

from app.errors import SecretUnreadable
from app.ports import Vault
from app.vault import FernetVault, derived_key
from tests.fakes.vault import FakeVault

KEYS = tuple(Fernet.generate_key().decode() for _ in range(3))
PLACE = "app_0001/production/TOKEN"
TEXTS = ["", "canary", "a\nb|c", "é" * 2560, "x" * 5120, PLACE]


@pytest.fixture(params=[FakeVault, FernetVault], ids=["fake", "fernet"])
def vault_of(request: pytest.FixtureRequest) -> Callable[..., Vault]:
    def make(*keys: int) -> Vault:
        made: Vault = request.param(tuple(KEYS[key] for key in keys))
        return made

    return make


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_sealed_opens_where_it_was_sealed_for(vault_of: Callable[..., Vault], text: str) -> None:
    vault = vault_of(0)
    assert vault.open(PLACE, vault.seal(PLACE, text)) == text


def test_what_is_sealed_cannot_be_read(vault_of: Callable[..., Vault]) -> None:
    sealed = vault_of(0).seal(PLACE, "canary")
    assert "canary" not in sealed
    assert "\0" not in sealed


@pytest.mark.parametrize(
    "elsewhere",
    ["app_0002/production/TOKEN", "app_0001/preview/TOKEN", "app_0001/production/TOKE", "", PLACE + "S"],
)
def test_it_opens_nowhere_else(vault_of: Callable[..., Vault], elsewhere: str) -> None:
    vault = vault_of(0)
    with pytest.raises(SecretUnreadable) as refused:
        vault.open(elsewhere, vault.seal(PLACE, "canary"))
    assert refused.value.place == elsewhere


def test_every_key_opens_and_the_first_seals(vault_of: Callable[..., Vault]) -> None:
    old, both, new = vault_of(0), vault_of(1, 0), vault_of(1)
    sealed = old.seal(PLACE, "canary")
    assert both.open(PLACE, sealed) == "canary"
    assert (old.is_current(sealed), both.is_current(sealed)) == (True, False)
    renewed = both.seal(PLACE, "canary")
    assert both.is_current(renewed)
    assert new.open(PLACE, renewed) == "canary"


def test_a_key_that_is_gone_is_named_with_the_place_and_nothing_else(vault_of: Callable[..., Vault]) -> None:
    sealed = vault_of(0).seal(PLACE, "canary")
    with pytest.raises(SecretUnreadable) as refused:
        vault_of(1, 2).open(PLACE, sealed)
    assert str(refused.value).startswith(f"BRANCHLINE_ENCRYPTION_KEYS does not open secret {PLACE}: ")
    assert "canary" not in str(refused.value)
    assert sealed not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("sealed", ["", "x", "gAAAAA==", "é" * 40, "key|place|not hex"])
def test_what_is_no_ciphertext_is_unreadable(vault_of: Callable[..., Vault], sealed: str) -> None:
    vault = vault_of(0)
    assert not vault.is_current(sealed)
    with pytest.raises(SecretUnreadable):
        vault.open(PLACE, sealed)


# -------------------- Fernet alone


def test_no_two_ciphertexts_are_alike() -> None:
    vault = FernetVault(KEYS[:1])
    assert len({vault.seal(PLACE, "canary") for _ in range(20)}) == 20


def test_one_changed_character_is_noticed() -> None:
    vault = FernetVault(KEYS[:1])
    sealed = vault.seal(PLACE, "canary")
    for position in range(0, len(sealed) - 4, 7):
        other = "A" if sealed[position] != "A" else "B"
        with pytest.raises(SecretUnreadable):
            vault.open(PLACE, sealed[:position] + other + sealed[position + 1 :])


def test_the_vault_shows_no_key() -> None:
    vault = FernetVault(KEYS)
    assert not any(key in f"{vault!r} {vault} {vars(vault)!r}" for key in KEYS)


def test_a_key_follows_from_the_secret_key_and_is_another_than_it() -> None:
    # HKDF-SHA256 without a salt, as RFC 5869 has it: written down, because stored ciphertext depends on it.
    assert derived_key("k" * 32) == "KYpitJew0X1SzYHgcA_Hdelnb1cpzDoja8vRg2oNutU="
    assert derived_key("k" * 33) != derived_key("k" * 32)
