"""A code host that people sign in with, over plain dicts; they answer it by `allow` and `deny`."""

import base64
import hashlib
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import parse_qs, urlencode, urlsplit

from app.errors import TooManyRequests, Unauthenticated
from app.ports.people import Account, DeviceCodes

ADA = Account(1, "ada", "Ada Lovelace", "https://github.test/ada.png")
GRACE = Account(2, "grace", None, None)
URL = "https://github.test"


@dataclass
class _Device:
    user_code: str
    account: Account | None = None
    is_denied: bool = False
    polls: int = 0


@dataclass
class FakeSignIn:
    """`ports.SignIn`; `is_patient` hosts let devices ask as often as they like."""

    interval_seconds: int = 5
    is_patient: bool = False
    accounts: dict[str, Account] = field(default_factory=lambda: {"ada": ADA, "grace": GRACE})
    tokens: dict[str, Account] = field(default_factory=dict)
    codes: dict[str, tuple[Account, str, str]] = field(default_factory=dict)
    devices: dict[str, _Device] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def address(self, *, state: str, challenge: str, redirect_uri: str) -> str:
        asked = {"state": state, "code_challenge": challenge, "redirect_uri": redirect_uri}
        return f"{URL}/login/oauth/authorize?{urlencode(asked)}"

    def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> str:
        account, challenge, asked_uri = self.codes.pop(code, (None, "", ""))
        if account is None or (challenge, asked_uri) != (challenge_of(verifier), redirect_uri):
            raise Unauthenticated("signing in with GitHub: begin again", code="sign-in:code-refused")
        return self._issue(account)

    def begin_device(self) -> DeviceCodes:
        number = next(self._numbers)
        device = _Device(f"CODE-{number:04}")
        self.devices[f"device-{number}"] = device
        return DeviceCodes(
            f"device-{number}", device.user_code, f"{URL}/login/device", 900, self.interval_seconds
        )

    def finish_device(self, device_code: str) -> str | None:
        device = self.devices.get(device_code)
        if device is None:
            raise Unauthenticated("signing in a device: unknown", code="sign-in:device-unknown")
        if device.is_denied:
            raise Unauthenticated("signing in a device: no", code="sign-in:denied")
        if device.account is not None:
            del self.devices[device_code]
            return self._issue(device.account)
        device.polls += 1
        if device.polls > 1 and not self.is_patient:
            raise TooManyRequests("signing in a device: too often", retry_after_seconds=10)
        return None

    def account(self, token: str) -> Account:
        if token not in self.tokens:
            raise Unauthenticated("asking GitHub who signed in: no", code="sign-in:token-refused")
        return self.tokens[token]

    def revoke(self, token: str) -> None:
        self.tokens.pop(token, None)

    # -------------------- what people do in the host's own pages

    def allow(self, address: str, login: str = "ada") -> str:
        """Return where the browser is sent after somebody said yes."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{next(self._numbers)}"
        self.codes[code] = (self.accounts[login], asked["code_challenge"], asked["redirect_uri"])
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def deny(self, address: str) -> str:
        """Return where the browser is sent after somebody said no."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        return f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"

    def decide(self, user_code: str, login: str = "ada", *, is_allowed: bool = True) -> None:
        """Let a device act for somebody, or not."""
        device = next(it for it in self.devices.values() if it.user_code == user_code)
        device.account, device.is_denied = (self.accounts[login] if is_allowed else None), not is_allowed

    def _issue(self, account: Account) -> str:
        token = f"gho_canary{next(self._numbers)}"
        self.tokens[token] = account
        return token


def challenge_of(verifier: str) -> str:
    """Return PKCE's challenge by S256, without our own code."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
