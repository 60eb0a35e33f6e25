"""How is a capture looked into? It is opened and summed up, and a page is drawn of the figures, if one is wanted."""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from captures.files.output_file import OutputFile
from captures.format.capture import Capture
from captures.share.cache import open_any
from precompute.inspection.as_page import prove_plotly, write_page
from precompute.inspection.figures import Inspection, inspect_capture


class Inspected(NamedTuple):
    """A capture that was looked into."""

    capture: Capture
    figures: Inspection


def inspect(path: Path, page: Path | None = None, *, force: bool = False) -> Inspected:
    """Sum up the capture at `path`, and draw the page with charts, if one is wanted; `force` replaces an old one.

    What keeps the page from being written is found before the capture is read, which may take long. Raises
    CaptureError for a file that is no sound capture, InputError for a page that may not be there, and PreflightError
    without plotly or room on the disk.
    """
    if page is not None:
        prove_plotly()
    capture = open_any(path)
    with ExitStack() as stack:
        output = None if page is None else stack.enter_context(OutputFile(page, force=force, inputs=capture.files))
        figures = inspect_capture(capture)
        if output is not None:
            write_page(output, path.name, figures)
    return Inspected(capture, figures)
