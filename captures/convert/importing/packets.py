"""The events of packets: what pcap and pcapng files hold, as messages with their flows."""

from collections import Counter
from collections.abc import Callable, Iterator

from captures.convert.import_request import ImportRequest
from captures.format.stream_writer import StreamWriter
from captures.packets.sources.inputs import Input
from captures.text.messages import Messages


class PacketSource:
    """Not there yet."""

    def __init__(self, request: ImportRequest, writer: StreamWriter) -> None:
        self.left_out: Counter[str] = Counter()

    def messages(self, source: Input, progress: Callable[[int], object]) -> Iterator[Messages]:
        return iter(())

    def finish(self) -> Iterator[Messages]:
        return iter(())
