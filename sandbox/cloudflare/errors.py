"""What Cloudflare answers when it refuses: a status, a code and a message, named by what went wrong.

https://developers.cloudflare.com/workers/observability/errors/ and the clients' own expectations.
"""


class ApiError(Exception):
    """A refusal in Cloudflare's words."""

    def __init__(self, status: int, code: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{message} [code: {code}]")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


class StartError(Exception):
    """A version did not start; the text is for its author."""


def no_authorization() -> ApiError:
    """Refuse a request without any credentials."""
    return ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")


def bad_authorization_header() -> ApiError:
    """Refuse credentials that are not a bearer token."""
    return ApiError(400, 6003, "Invalid request headers")


def authentication_failed() -> ApiError:
    """Refuse an unknown token at an account's resource."""
    return ApiError(401, 10000, "Authentication error")


def invalid_access_token() -> ApiError:
    """Refuse an unknown token at a user's resource."""
    return ApiError(403, 9109, "Invalid access token")


def invalid_api_token() -> ApiError:
    """Refuse an unknown token that was to be verified."""
    return ApiError(401, 1000, "Invalid API Token")


def account_not_allowed() -> ApiError:
    """Refuse a good token at somebody else's account."""
    return ApiError(403, 9109, "Unauthorized to access requested resource")


def no_route(path: str) -> ApiError:
    """Refuse a path without an endpoint, or with something that cannot be an identifier."""
    return ApiError(404, 7003, f"Could not route to {path}, perhaps your object identifier is invalid?")


def method_not_allowed() -> ApiError:
    """Refuse a method that the endpoint does not have."""
    return ApiError(405, 10405, "Method not allowed for this authentication scheme")


def throttled(headers: dict[str, str]) -> ApiError:
    """Refuse one request too many."""
    return ApiError(429, 971, "Please wait and consider throttling your request speed", headers)


def invalid_json() -> ApiError:
    """Refuse a body that is not the JSON that the endpoint reads."""
    return ApiError(400, 10001, "Unable to parse body as JSON")


def invalid_request(message: str) -> ApiError:
    """Refuse what was understood and is not acceptable."""
    return ApiError(400, 10021, message)


def too_large(limit_bytes: int) -> ApiError:
    """Refuse a body over the limit."""
    return ApiError(413, 10027, f"Request body is over the limit of {limit_bytes} bytes")


def namespace_not_found() -> ApiError:
    """Refuse a dispatch namespace that is not there."""
    return ApiError(404, 100119, "dispatch namespace not found")


def namespace_exists() -> ApiError:
    """Refuse to create a dispatch namespace twice."""
    return ApiError(409, 100118, "dispatch namespace already exists")


def namespace_invalid(name: str) -> ApiError:
    """Refuse a name that a dispatch namespace cannot have."""
    return ApiError(400, 100117, f"dispatch namespace name {name!r} is invalid")


def script_not_found() -> ApiError:
    """Refuse a script that is not there. Of all codes, wrangler goes on only at this one."""
    return ApiError(404, 10092, "This Worker does not exist on this dispatch namespace.")


def worker_not_found() -> ApiError:
    """Refuse an ordinary Worker; there never is one here."""
    return ApiError(404, 10007, "This Worker does not exist on your account.")


def script_name_invalid() -> ApiError:
    """Refuse a name that a script cannot have."""
    return ApiError(
        400,
        10016,
        "Script name is invalid: at most 63 lowercase letters, digits, - and _, the first and last of them "
        "a letter or digit.",
    )


def binding_unsupported(name: str, kind: str) -> ApiError:
    """Refuse a binding of a type that this sandbox does not provide."""
    return ApiError(
        400, 10021, f"Binding '{name}' has the type '{kind}', which this sandbox does not provide."
    )


def binding_not_found(name: str) -> ApiError:
    """Refuse an inherited binding or a secret that is not there."""
    return ApiError(404, 10056, f"Binding '{name}' not found")


def version_does_not_start(message: str) -> ApiError:
    """Refuse code that does not parse, or throws while it starts."""
    return ApiError(400, 10021, message)


def upload_token_invalid() -> ApiError:
    """Refuse an upload token that is forged, has expired or belongs to another upload."""
    return ApiError(401, 10000, "Authentication error: invalid or expired asset upload token")


def runtime_unavailable() -> ApiError:
    """Refuse while the runtime is being started again."""
    return ApiError(503, 10013, "The runtime is starting, please try again")
