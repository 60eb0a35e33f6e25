"""The events of packets: what pcap and pcapng files hold, as messages with their flows."""

from collections import Counter
from collections.abc import Callable, Iterator

from captures.convert.import_request import ImportRequest
from captures.convert.importing.remarks import PacketFigures, busiest
from captures.format.writing.stream_writer import StreamWriter
from captures.packets.containers.links import Links
from captures.packets.containers.packets_of import read_batches
from captures.packets.headers.dissector import Dissector
from captures.packets.headers.filters import FIRST_INSTANT_NS, LAST_INSTANT_NS, DissectorOptions
from captures.packets.headers.reasons import KEPT_CUT, OF_OTHERS
from captures.packets.sources.inputs import Input
from captures.text.messages import Messages


class PacketSource:
    """Reads the events of one file after the other. Fragments and streams may go on from one to the next."""

    def __init__(self, request: ImportRequest, writer: StreamWriter) -> None:
        """Flows are written into the capture as they are met."""
        options = DissectorOptions(
            ports=request.ports,
            hosts=request.hosts,
            from_ns=FIRST_INSTANT_NS if request.from_ns is None else request.from_ns,
            to_ns=LAST_INSTANT_NS if request.to_ns is None else request.to_ns,
            keep_cut=request.keep_cut,
            split_trains=request.split_trains,
        )
        self._dissector, self._links, self._writer = Dissector(options), Links(), writer
        self._split = request.split_trains

    @property
    def left_out(self) -> Counter[str]:
        """How many packets became no event, or not a whole one, by the reason."""
        counts = self._dissector.left_out
        return Counter({why: count for why, count in counts.items() if why != OF_OTHERS[KEPT_CUT]})

    @property
    def packets(self) -> int:
        """How many packets were read."""
        return self._dissector.packets

    @property
    def figures(self) -> PacketFigures:
        """What else is told of the packets."""
        dissector = self._dissector
        return PacketFigures(
            super_packets=dissector.super_packets,
            split=self._split,
            long_datagrams=dissector.long_datagrams,
            bare_ports=busiest(dissector.bare_ports),
            other_ports=busiest(dissector.other_ports),
        )

    def messages(self, source: Input, progress: Callable[[int], object]) -> Iterator[Messages]:
        """The events of a source.

        Raises InputError if it can't be opened, NotPackets, and BrokenInput after all that is good.
        """
        for batch in read_batches(source, self._links, progress):
            yield self._noted(self._dissector.messages(batch, self._links.rows))

    def finish(self) -> Iterator[Messages]:
        """What is held back, and the interfaces."""
        yield self._noted(self._dissector.finish())
        self._writer.add_links(self._links.rows)

    def _noted(self, messages: Messages) -> Messages:
        self._writer.add_flows(self._dissector.new_flows())
        return messages
