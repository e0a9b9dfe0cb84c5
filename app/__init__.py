"""Branchline: from `git push` to a live address.

    developer ──git push / pull request──▶ app repository ──▶ Actions workflow
                                                │ webhooks (HMAC)     │ start / finish (OIDC)
                                                ▼                     ▼
    API · CLI ──▶ control plane: web ─▶ inbox ─▶ jobs ─▶ pipeline ─▶ github / cloudflare / database
                                                              │
                                                              ▼
        dispatch namespaces (preview · staging · production) ◀── ONE dispatch worker ◀── visitors

Read `pipeline/` first, one verb per file, then `bootstrap`, the only place where everything is wired
together. Walls: a room imports only from rooms below it.

    __main__ · wsgi
    cli
    bootstrap
    web · jobs
    github · cloudflare · database · pipeline
    render
    ports
    domain · settings
    errors
"""
