"""How events become packets of a pcap or pcapng file: headers, checksums, records."""
