"""Durable jobs on DBOS Transact (MIT), and the inbox: the only place that knows the job engine.

`engine` is what web processes hold: it puts jobs into queues and looks at them. `worker` runs them, `steps`
is what a running job acts through, `lifecycle` writes down how far it came, `takeover` continues what dead
workers and older versions left behind. `inbox` works deliveries off, `process` keeps both running until a
signal comes.

What a job does is not known here: `pipeline/` says it, `bootstrap` brings both together.
"""
