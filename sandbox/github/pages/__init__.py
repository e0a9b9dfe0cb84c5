"""Pages for a person to look at: owners, repositories, commits, pull requests and their comments.

Nobody has to sign in for them: whoever can reach the loopback address sees everything, private repositories
too. Nothing can be changed here. Signing in, for applications, is in `sandbox.github.oauth`.
"""

from sandbox.github.pages.routes import routes

__all__ = ["routes"]
