"""From bytes to packets: what pcap and pcapng files say of each packet."""
