"""The only place where everything is wired together: settings in, processes out.

`web` makes the WSGI application, `jobs` what a jobs process runs, `schema` prepares the database; `shared` is
what the first two have in common. They are apart so that no process pays for another's libraries: a web
process holds no GitHub client, and nothing but `schema` holds Alembic. Nothing connects before it is used.
"""
