"""`captures cache`: which packed captures lie unpacked, and how they go."""

import click

from captures.console.command import answer
from captures.console.units import counted, fitted, format_size
from captures.format.stamp_writing import iso_ms
from captures.share import cache as unpacked


@click.command(short_help="List or clear the cache of packed captures.")
@click.option("--clear", is_flag=True, help="Remove all that is not in use.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the list as JSON.")
def cache(*, clear: bool, as_json: bool) -> None:
    """List the captures that were unpacked to be sent; what was used longest ago comes first.

    They are in `captures` of STAMPEDE_CACHE, or in ~/.cache/stampede/captures. Of 32 GiB, or what STAMPEDE_CACHE_SIZE
    says, those that are in use are never removed, and of the others those go first that were used longest ago.
    """
    folder, limit = unpacked.cache_folder(), unpacked.most_bytes()
    removed = [entry.digest for entry in unpacked.cached() if unpacked.remove(entry)] if clear else []
    entries = unpacked.cached()
    total = sum(entry.size for entry in entries)
    lines = [f"{entry.digest}  {format_size(entry.size):>10}  {iso_ms(entry.used_ns)[:10]}" for entry in entries]
    gone = f"{counted(len(removed), 'capture')} removed; " if clear else ""
    held = f"{counted(len(entries), 'capture')}, {format_size(total)} of {format_size(limit)}"
    figures = {
        "schema": 1,
        "folder": str(folder),
        "limit_bytes": limit,
        "total_bytes": total,
        "removed": removed,
        "captures": [{"digest": each.digest, "bytes": each.size, "used": iso_ms(each.used_ns)} for each in entries],
    }
    answer("\n".join([*lines, fitted(f"{gone}{held} in {folder}", 4)]), figures, as_json=as_json)
