"""GitHub: the adapters of the code host's ports, and the reading of what it sends us.

`client` speaks for one account from any number of threads; each port's adapter stands on it. `signature`
and `payloads` are pure. Nothing here decides what should be done.
"""
