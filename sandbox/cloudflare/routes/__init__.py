"""The endpoints, one file per kind of thing, registered on one Flask blueprint each.

A route reads the request and answers; what it promises is decided elsewhere.
"""
