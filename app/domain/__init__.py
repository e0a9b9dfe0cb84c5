"""What is true without any network: names, environments, addresses, apps, deployments, previews, events.

No vendor is imported here, nothing is read or written, and nobody looks at the clock.
"""
