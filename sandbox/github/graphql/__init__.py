"""GitHub's GraphQL API, as far as its published schema is answered here: `schema.graphql` says how far.

`measure` counts what a question asks for, `nodes` shows what the rows and repositories hold, `answering`
brings both together. Nothing can be changed by GraphQL here.
https://docs.github.com/graphql
"""
