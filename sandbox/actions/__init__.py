"""GitHub Actions on loopback: workflow runs by `act`, driven by the sandbox's GitHub."""
