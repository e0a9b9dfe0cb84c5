"""git itself, for what no API offers: whole histories are brought in from elsewhere, and merged.

`resolving` finds out where a name leads and refuses what is not public; `process` runs git, bounded in time
and in the size of its files, without anybody's configuration; `scratch` is where it works; `remotes` says how
a place is spoken to, and `refusals` what its refusals mean. `histories` is the port's adapter.

No history is ever checked out, and nothing of it is run.
"""
