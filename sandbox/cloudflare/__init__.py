"""Cloudflare's API v4 for dispatch namespaces on loopback, and one workerd that runs what is uploaded.

    wrangler, SDK ──▶ routes ──▶ uploads ──▶ store (disk) ◀── workerd: dispatcher, scripts ◀── visitors
                        gate        │                            ▲
                                    └─ deploy: start, commit, push ┘

It answers what `wrangler deploy --dispatch-namespace`, `wrangler dispatch-namespace`, `wrangler whoami` and
the official SDK's `workers_for_platforms` ask, with Cloudflare's envelope and error codes. It does not know
ordinary Workers, zones, DNS, KV, R2, D1, Queues or Durable Objects, and it bounds no script's CPU or memory:
a script that stalls or ends the process costs everybody a restart of about a second.
"""
