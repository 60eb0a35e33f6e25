"""`captures pull`: a capture comes from where another lab pushed it."""

from pathlib import Path

import click

from captures.commands.options import FILE, JOBS
from captures.commands.progress import bytes_bar
from captures.console.command import tell
from captures.console.units import counted, fitted, format_size
from captures.share import pulling, pushing
from captures.share.rebuilding import rebuild as build_again


@click.command(short_help="Fetch a capture that was pushed.")
@click.argument("url")
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The capture to write.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Render it here from the recipe of its manifest, in place of fetching it, and prove that it is the same.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, pushing.MOST_CONNECTIONS),
    default=pushing.CONNECTIONS,
    show_default=True,
    metavar="N",
    help="How many blocks move at once, each in some 40 MiB of memory.",
)
@JOBS
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the manifest without its blocks and recipe as JSON.")
def pull(*, url: str, output: Path, rebuild: bool, connections: int, jobs: int, force: bool, as_json: bool) -> None:
    """Fetch the capture whose manifest is at URL, as `captures push` told it: it ends in .rcap.json.

    What has come is kept in FILE.part, and a pull that was cut short goes on from there. FILE appears when every byte
    is proven. Needs stampede[s3], [gcs], [sftp] or [http].
    """
    if rebuild:
        store, manifest = pulling.fetch_manifest(url)
        inputs = pulling.read_here(store, url, manifest)
        build_again(manifest, output, jobs=jobs, force=force, inputs=inputs)
        how = "rendered here"
    else:
        with bytes_bar("pulling") as progress:
            done = pulling.pull(url, output, connections=connections, force=force, progress=progress)
        manifest, moved = done.manifest, f"{counted(done.moved_blocks, 'block')} moved, {format_size(done.moved_bytes)}"
        how = moved + (f", {counted(done.kept_blocks, 'block')} from before" if done.kept_blocks else "")
    about = "".join(f"; {name} {text}" for name, text in manifest.terms().items())
    text = f"{output}: {counted(manifest.facts.events, 'event')}; {how}{about}; digest {manifest.digest}"
    tell(fitted(text, 4), manifest.summary(), as_json=as_json)
