"""What is taken away of the app: files beside the run, and this screen as a picture or as text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from facetui.engine.records import files, installation
from facetui.engine.records.errors import MissingLab
from facetui.engine.records.places import short
from facetui.tui.text.spans import text_of

if TYPE_CHECKING:
    from facetui.engine.records.events import Event
    from facetui.tui.app.viewer import Viewer


def keep(app: Viewer, contents: Mapping[str, bytes | str]) -> list[Path] | None:
    """Write files that somebody asked for, beside the run; of a run that was made elsewhere, where one is working.

    Args:
        app: which says it when that fails.
        contents: by file name; files of that name are replaced.

    Returns:
        Where they are; ``None`` when they could not be written, which was said.
    """
    shown = app.stage.run.folder
    root, below = shown or app.runs, "exports"
    if shown is not None and not installation.made_here(shown):
        root, below = Path.cwd(), "facetui-exports"
    try:
        root.mkdir(parents=True, exist_ok=True)
        return [files.write(root, f"{below}/{name}", content) for name, content in contents.items()]
    except OSError as error:
        app.notify(f"cannot write in {root / below}: {error.strerror}", severity="error")
        return None


def picture(app: Viewer) -> None:
    """Save the screen as SVG."""
    from facetui.tui.sharing.reports.export import without_remote_fonts

    saved = keep(app, {f"{app.stage.view}.svg": without_remote_fonts(app.export_screenshot())})
    if saved is not None:
        app.notify(f"saved {saved[0]}")


def table_and_chart(app: Viewer) -> None:
    """Save the table (CSV, JSON) and the chart (SVG; PNG where Pillow is installed)."""
    from facetui.tui.sharing.reports.export import exported

    stage = app.stage
    if stage.run.folder is None or not stage.now.curves:
        app.notify("nothing was measured yet", severity="warning")
        return
    saved = keep(app, exported(stage.now, kept=stage.kept))
    if saved is not None:
        names = ", ".join(path.name for path in saved)
        app.notify(f"saved {names} in {short(saved[0].parent)}; the animations follow")
        events, folder = list(stage.player.events), stage.run.folder
        work = partial(_animations, app, events, folder)
        app.run_worker(work, thread=True, group="export", exclusive=True, exit_on_error=False)


def _animations(app: Viewer, events: list[Event], folder: Path) -> None:
    """The replay as an asciicast and, where Pillow is installed, as a GIF, from another thread: they take seconds."""
    from textual.worker import get_current_worker

    from facetui.tui.app.terminal.recording import asciicast
    from facetui.tui.figures.animation import gif
    from facetui.tui.figures.drawing import draws_pixels

    size = (max(80, app.canvas.size.width), max(24, app.canvas.size.height))
    made = {"replay.cast": asciicast(events, folder, size, app.canvas.style_of, title=folder.name)}
    if draws_pixels():
        made["replay.gif"] = gif(events, folder)
    if get_current_worker().is_cancelled:  # the app was left, or somebody asked again
        return
    saved = keep(app, made)
    if saved is not None:
        less = "" if draws_pixels() else f"; no PNG and no GIF: {MissingLab('pillow')}"
        app.call_from_thread(app.notify, f"saved {', '.join(path.name for path in saved)}{less}")


def text(app: Viewer) -> None:
    """The screen as text, to the clipboard of the terminal."""
    app.copy_to_clipboard(text_of(app.canvas.lines))
    app.notify("copied this screen as text")
