"""How others are told to follow: a line, a QR code, and what it means."""

from __future__ import annotations

WITHOUT = "uvx --from facetui-core"
"""What runs facetui where it is not installed, without what computes."""

LAST = "or open the address in a browser; the second line needs uv alone"


def invitation(url: str) -> list[str]:
    """Two lines to type, one of them where facetui is not installed, and the same as a QR code in half-blocks."""
    return [*commands(url), "", *qr(url), "", LAST]


def commands(url: str) -> list[str]:
    """What followers type: with facetui, and without."""
    return [f"facetui follow {url}", f"{WITHOUT} facetui follow {url}"]


def who_can_read(url: str, pictures: str, *, votes: bool = False) -> str:
    """What publishing means, in a sentence."""
    here = "on this machine" if "//127." in url or "//[::1]" in url or "//localhost" in url else "on your network"
    seen = {"none": "no pictures", "fictional": "pictures of fictional people only", "all": "every picture"}[pictures]
    vote = ", and vote" if votes else ""
    return f"whoever {here} knows this address can read the run, with {seen}{vote}; Ctrl-C ends it"


def qr(url: str) -> list[str]:
    """A QR code: two modules a character, light on dark as terminals are, with its quiet zone."""
    import segno

    rows = [list(row) for row in segno.make(url, error="l", micro=False).matrix_iter(border=2)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    signs = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    return [
        "".join(signs[upper, lower] for upper, lower in zip(*rows[y : y + 2], strict=True))
        for y in range(0, len(rows), 2)
    ]
