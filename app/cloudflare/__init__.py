"""Cloudflare: the adapter of the port `Scripts`, over httpx.

`client` reads Cloudflare's envelope and turns its errors into ours; `scripts` knows dispatch namespaces,
`uploads` what a script is made of, `forms` how large things are sent. `gateway` are the rules by which others
may speak to Cloudflare through us.
"""
