"""Signing in with this GitHub: who sits at the browser, and what applications are allowed in their name.

`sittings` knows who sits there, `clients` the applications, `codes` what is exchanged for a token; `pages`
and `tokens` are the addresses. People have no passwords here: whoever can reach the loopback address may sit
down as anybody who is not an organisation or a bot.
"""
