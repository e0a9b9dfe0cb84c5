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
    """The request carries no credentials at all."""
    return ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")


def bad_authorization_header() -> ApiError:
    """The credentials are not a bearer token."""
    return ApiError(400, 6003, "Invalid request headers")


def authentication_failed() -> ApiError:
    """An account's resource was asked for with a token that we do not know."""
    return ApiError(401, 10000, "Authentication error")


def invalid_access_token() -> ApiError:
    """A user's resource was asked for with a token that we do not know."""
    return ApiError(403, 9109, "Invalid access token")


def invalid_api_token() -> ApiError:
    """The token that was to be verified is not valid."""
    return ApiError(401, 1000, "Invalid API Token")


def account_not_allowed() -> ApiError:
    """The token is good, the account is somebody else's."""
    return ApiError(403, 9109, "Unauthorized to access requested resource")


def no_route(path: str) -> ApiError:
    """No such endpoint, or an identifier in the path cannot be one."""
    return ApiError(404, 7003, f"Could not route to {path}, perhaps your object identifier is invalid?")


def method_not_allowed() -> ApiError:
    """The endpoint exists, the method does not."""
    return ApiError(405, 10405, "Method not allowed for this authentication scheme")


def throttled(headers: dict[str, str]) -> ApiError:
    """Too many requests by this token."""
    return ApiError(429, 971, "Please wait and consider throttling your request speed", headers)


def invalid_json() -> ApiError:
    """The body is not the JSON that this endpoint reads."""
    return ApiError(400, 10001, "Unable to parse body as JSON")


def invalid_request(message: str) -> ApiError:
    """The request was understood and is not acceptable."""
    return ApiError(400, 10021, message)


def too_large(limit_bytes: int) -> ApiError:
    """The request's body is over the limit."""
    return ApiError(413, 10027, f"Request body is over the limit of {limit_bytes} bytes")


def namespace_not_found() -> ApiError:
    """No dispatch namespace of this name."""
    return ApiError(404, 100119, "dispatch namespace not found")


def namespace_exists() -> ApiError:
    """A dispatch namespace of this name is there already."""
    return ApiError(409, 100118, "dispatch namespace already exists")


def namespace_invalid(name: str) -> ApiError:
    """A dispatch namespace cannot be called that."""
    return ApiError(400, 100117, f"dispatch namespace name {name!r} is invalid")


def script_not_found() -> ApiError:
    """No script of this name in the dispatch namespace; wrangler goes on only on this code."""
    return ApiError(404, 10092, "This Worker does not exist on this dispatch namespace.")


def worker_not_found() -> ApiError:
    """No ordinary Worker of this name on the account; there never is one here."""
    return ApiError(404, 10007, "This Worker does not exist on your account.")


def script_name_invalid() -> ApiError:
    """A script cannot be called that."""
    return ApiError(
        400,
        10016,
        "Script name is invalid: it must start and end with a letter or digit, contain only lowercase letters, "
        "digits, - and _, and be at most 63 characters.",
    )


def binding_unsupported(name: str, kind: str) -> ApiError:
    """A binding of a type that this sandbox does not provide."""
    return ApiError(
        400, 10021, f"Binding '{name}' has the type '{kind}', which this sandbox does not provide."
    )


def binding_not_found(name: str) -> ApiError:
    """An inherited binding or a secret is not there."""
    return ApiError(404, 10056, f"Binding '{name}' not found")


def version_does_not_start(message: str) -> ApiError:
    """The uploaded code does not parse, or throws while it starts."""
    return ApiError(400, 10021, message)


def upload_token_invalid() -> ApiError:
    """An asset upload's token is forged, has expired or belongs to another upload."""
    return ApiError(401, 10000, "Authentication error: invalid or expired asset upload token")


def runtime_unavailable() -> ApiError:
    """The runtime does not answer; it is being started again."""
    return ApiError(503, 10013, "The runtime is starting, please try again")
