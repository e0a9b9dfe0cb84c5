"""Cloudflare: the adapter of the port `Scripts`, over httpx.

`client` reads Cloudflare's envelope and turns its errors into ours; `scripts` knows dispatch namespaces.
"""
