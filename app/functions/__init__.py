"""Functions: what compiles them, and what answers at the addresses where they are called.

`esbuild` is the compiler, one process for each look at an author's files; `messages` reads what it says.
`endpoints` speaks to scripts by their addresses, through the dispatch worker, as any caller does. What is
compiled when, and what becomes of it, is the pipeline's.
"""
