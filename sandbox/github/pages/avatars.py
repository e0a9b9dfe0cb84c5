"""Identicons: a face for every account, drawn from its login."""

from __future__ import annotations

import hashlib

CELLS, SIZE = 5, 70


def svg(login: str) -> str:
    """Return a symmetric five by five pattern as SVG."""
    digest = hashlib.sha256(login.encode()).digest()
    colour = f"hsl({digest[0] * 360 // 256} 45% 55%)"
    cells = "".join(
        f'<rect x="{column * 10 + 10}" y="{row * 10 + 10}" width="10" height="10"/>'
        for row in range(CELLS)
        for column in range(CELLS)
        if digest[1 + row * 3 + min(column, CELLS - 1 - column)] % 2
    )
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}">'
    return f'{frame}<rect width="{SIZE}" height="{SIZE}" fill="#f0f0f0"/><g fill="{colour}">{cells}</g></svg>'
