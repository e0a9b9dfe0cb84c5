"""Workers' addresses, called through the dispatch worker over httpx.

`functions` calls for one answer, `streams` for events, which one thread reads for all streams of a process.
Which worker may be called, how often and by whom is not decided here.
"""
