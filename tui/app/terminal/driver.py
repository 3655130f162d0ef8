"""What drives the terminal on this system."""

from __future__ import annotations

import sys

from facetui.tui.app.terminal.modes import RESTORE as RESTORE
from facetui.tui.app.terminal.probe import Probe as Probe
from facetui.tui.app.terminal.probe import write_report as write_report

if sys.platform == "win32":
    from facetui.tui.app.terminal.windows import Terminal as Terminal
    from facetui.tui.app.terminal.windows import guarded as guarded
else:
    from facetui.tui.app.terminal.posix import Terminal as Terminal
    from facetui.tui.app.terminal.posix import guarded as guarded
