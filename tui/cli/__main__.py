"""``python -m facetui.tui.cli`` is ``facetui``."""

from facetui.tui.cli.main import main

main()
