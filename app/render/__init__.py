"""Pure text: the files an app gets and the comment on a pull request, from Jinja2 templates.

Nothing is read but the templates beside this file, and nothing is sent.
"""

from jinja2 import Environment, PackageLoader, StrictUndefined

# Markdown and JSON are no HTML: each template escapes for its own language with the filters given to it.
TEMPLATES = Environment(
    loader=PackageLoader("app.render", "templates"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - see above
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
