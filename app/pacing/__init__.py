"""Pacing: a process keeps to what all processes together may ask of a remote.

`pacer` is what adapters ask before they send anything, `ledgers` what it knows of others. What a remote
allows is said by the room that speaks to it, and what follows from that is computed in `domain/limits.py`.
"""
