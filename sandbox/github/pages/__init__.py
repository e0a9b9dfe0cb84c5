"""Pages for a person to look at: owners, repositories, commits, pull requests and their comments.

There is no signing in: whoever can reach the loopback address sees everything, private repositories too.
Nothing can be changed here.
"""

from sandbox.github.pages.routes import routes

__all__ = ["routes"]
