"""The receiver in a VLAN: by a device for the tag or, where the kernel has none, by its code that takes a tag off.

For the latter (no CONFIG_VLAN_8021Q) a BPF program, attached as by tc-bpf(8), of so few instructions that they stand
here as they are. It lets in what is behind the tags, without them, and nothing else.
"""

import ctypes
import os
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pyroute2 import IPRoute, netns

from replay.linux.sockets.udp_receive import open_receiver
from tests.network.mailboxes import Mailboxes
from tools.lab import DEVICE, PORTS, Lab

KINDS = ("802.1ad", "802.1q")
"""Of the outer of two tags, and of the inner or only one."""
ETHER_TYPES = {"802.1ad": 0x88A8, "802.1q": 0x8100}

# include/uapi/linux/bpf.h, arch/x86/entry/syscalls/syscall_64.tbl
SYS_BPF = 321
BPF_PROG_LOAD, BPF_PROG_TYPE_SCHED_CLS = 5, 3
SKB_VLAN_TCI, SKB_VLAN_PROTO = 24, 28  # places in struct __sk_buff
SKB_VLAN_POP = 19  # a helper's number
TC_ACT_OK, TC_ACT_SHOT = 0, 2
CLSACT_INGRESS = "ffff:fff2"


@contextmanager
def vlan(lab: Lab, tags: Sequence[str], address: str) -> Iterator[str]:
    """The receiver in a VLAN with an address like 198.18.0.9/24; yields the device by which its datagrams come."""
    kinds = KINDS[-len(tags) :]
    with ExitStack() as stack:
        device = DEVICE
        try:
            for kind, tag in zip(kinds, tags, strict=True):
                form = ("type", "vlan", "proto", kind, "id", tag)
                lab.run_at(lab.receiver, "ip", "link", "add", "link", device, "name", f"v{tag}", "up", *form)
                stack.callback(lab.run_at, lab.receiver, "ip", "link", "delete", f"v{tag}")
                device = f"v{tag}"
        except subprocess.CalledProcessError as error:
            if "Unknown device type" not in error.stderr:
                raise
            types = [ETHER_TYPES[kind] for kind in kinds]
            stack.enter_context(_popped(lab, [*zip(map(int, tags), types, strict=True)]))
        once = ("nodad",) if ":" in address else ()
        lab.run_at(lab.receiver, "ip", "address", "add", address, "dev", device, *once)
        stack.callback(lab.run_at, lab.receiver, "ip", "address", "delete", address, "dev", device)
        yield device


@contextmanager
def vlan_mailboxes(lab: Lab, address: str, device: str) -> Iterator[Mailboxes]:
    """Mailboxes for what comes by this device of the receiver, and by no other."""
    with ExitStack() as stack:
        netns.pushns(lab.receiver)
        try:
            sockets = [stack.enter_context(open_receiver(address, port, Mailboxes.BUFFER_BYTES)) for port in PORTS]
            for each in sockets:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        finally:
            netns.popns()
        yield Mailboxes(sockets)


@contextmanager
def _popped(lab: Lab, tags: Sequence[tuple[int, int]]) -> Iterator[None]:
    """Only what has these tags and EtherTypes enters the receiver, and without them."""
    netns.pushns(lab.receiver)
    try:
        with IPRoute() as netlink:
            program = _loaded(_popping(tags))
            index = netlink.link_lookup(ifname=DEVICE)[0]
            netlink.tc("add", "clsact", index)
            way = {"parent": CLSACT_INGRESS, "classid": 1, "direct_action": True}
            netlink.tc("add-filter", "bpf", index, ":1", fd=program, name="popped", **way)
            os.close(program)
    finally:
        netns.popns()
    try:
        yield
    finally:
        lab.run_at(lab.receiver, "tc", "qdisc", "delete", "dev", DEVICE, "clsact")


def _instruction(code: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    """A struct bpf_insn."""
    return struct.pack("=BBhi", code, to | source << 4, offset, value)


def _popping(tags: Sequence[tuple[int, int]]) -> bytes:
    """Takes off each tag that is as it should be; drops the packet at the first that is not."""
    code: list[bytes | int] = [_instruction(0xBF, 6, 1)]  # r6 = r1, the packet
    for tag, ether_type in tags:
        code += [
            _instruction(0x61, 0, 6, SKB_VLAN_TCI),  # r0 = the tag, of which the VLAN has 12 bits
            _instruction(0x57, 0, value=0xFFF),
            tag,  # unless r0 is this, drop the packet
            _instruction(0x61, 0, 6, SKB_VLAN_PROTO),
            socket.htons(ether_type),
            _instruction(0xBF, 1, 6),
            _instruction(0x85, value=SKB_VLAN_POP),
        ]
    code += [_instruction(0xB7, value=TC_ACT_OK), _instruction(0x95)]
    drop = len(code)
    code += [_instruction(0xB7, value=TC_ACT_SHOT), _instruction(0x95)]
    return b"".join(
        each if isinstance(each, bytes) else _instruction(0x55, offset=drop - place - 1, value=each)
        for place, each in enumerate(code)
    )


def _loaded(code: bytes) -> int:
    """A descriptor of the program: bpf(2)."""
    text, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    fields = (BPF_PROG_TYPE_SCHED_CLS, len(code) // 8, ctypes.addressof(text), ctypes.addressof(licence))
    attributes = ctypes.create_string_buffer(struct.pack("=IIQQ", *fields), 128)
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.syscall(SYS_BPF, BPF_PROG_LOAD, attributes, len(attributes))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return descriptor
