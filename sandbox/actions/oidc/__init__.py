"""The OpenID Connect issuer of Actions, at `{github}/_services/token` as on a GitHub Enterprise Server.

    a job with id-token: write ─▶ request URL and token ─▶ issuer ─▶ signed by keys, told by claims

It issues identities to the jobs of runs in progress and knows no other kind of token. Customised subjects and
issuers are not there.
https://docs.github.com/en/actions/reference/security/oidc
"""
