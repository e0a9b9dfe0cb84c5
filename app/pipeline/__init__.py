"""The pipeline, one verb per file; functions whose arguments are their ports.

    provision   an app is asked for and gets its repository
    generate    its files, as values
    install     its workflow, secrets and webhook
    accept      a delivery is turned into one of the verbs below
    record      a deployment is followed until it is live or failed
    publish     GitHub is told how a deployment stands
    preview     a pull request's one comment says the same
    retire      what is closed, deleted or gone is taken down
    files       one file of an app is read or written while its caller waits, commit writes many
    export      all of them pass by as an archive
    import_repository, sync     a history comes from elsewhere, and what is new there later

No vendor is imported here. Verbs that only change our memory take a transaction; verbs that speak to the
outside are jobs and take `steps`: each step looks before it acts, because it may run twice. Only `files`,
`commit` and `export` speak to the outside at once.
"""
