"""What the kernel says of devices: the loopback device, which every machine has, and sysfs as it may look."""

import errno
from pathlib import Path

import pytest

from replay.linux.network import links
from replay.linux.network.links import CARRIER_LOSSES, COUNTERS, counters, features, link


def test_the_loopback_device():
    lo = link("lo")
    assert (lo.index, lo.name, lo.mac) == (1, "lo", bytes(6))
    assert lo.ethernet
    assert lo.loopback
    assert lo.up
    assert lo.carrier
    assert lo.mtu == int(Path("/sys/class/net/lo/mtu").read_text())
    assert (lo.kind, lo.speed_mbit, lo.numa_node, lo.irq_cpus) == (None, None, None, frozenset())
    assert lo.qdisc
    assert lo.tx_queue_len >= 0


def test_features_have_the_names_of_the_kernel():
    found = features("lo")
    assert found["loopback"]
    assert {"tx-udp-segmentation", "tx-checksum-ip-generic"} <= found.keys()
    assert "" not in found


def test_counters_count():
    before = counters("lo")
    assert tuple(before) == (*COUNTERS, CARRIER_LOSSES)
    assert all(count <= after for count, after in zip(before.values(), counters("lo").values(), strict=True))


@pytest.mark.parametrize("ask", [link, features, counters])
@pytest.mark.parametrize("name", ["", "nosuch", "longer-than-any-device"])
def test_no_such_device(ask, name):
    with pytest.raises(OSError, match=f"Errno {errno.ENODEV}]"):
        ask(name)


@pytest.mark.parametrize(
    ("code", "raised"), [(errno.EOPNOTSUPP, None), (errno.EPERM, errno.EPERM)], ids=["knows none", "refuses"]
)
def test_a_device_without_ethtool_has_no_features(monkeypatch, code, raised):
    def refuse(*_):
        raise OSError(code, "")

    monkeypatch.setattr("pyroute2.ethtool.ioctl.fcntl.ioctl", refuse)
    if raised is None:
        assert features("lo") == {}
    else:
        with pytest.raises(PermissionError):
            features("lo")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A folder for sysfs and one for interrupts, with a card named `lo`: interrupts 30 to 33 serve cores 2 to 4."""
    devices, interrupts = tmp_path / "net", tmp_path / "irq"
    monkeypatch.setattr(links, "_DEVICES", devices)
    monkeypatch.setattr(links, "_INTERRUPTS", interrupts)
    pci = tmp_path / "pci"
    fill(pci, numa_node="1\n")
    for number, cpus in enumerate(("2", "2-3", "4"), start=30):
        fill(pci / "msi_irqs", **{str(number): "msix\n"})
        fill(interrupts / str(number), effective_affinity_list=cpus + "\n")
    fill(pci / "msi_irqs", **{"33": "msix\n"})  # gone since
    fill(devices / "lo", ifindex="1\n", address="00:00:00:00:00:00\n", speed="25000\n")
    (devices / "lo/device").symlink_to(pci)
    return tmp_path


def fill(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def placed():
    found = link("lo")
    return found.speed_mbit, found.numa_node, found.irq_cpus


@pytest.mark.usefixtures("machine")
def test_where_a_card_sits():
    assert placed() == (25_000, 1, {2, 3, 4})


def test_a_virtio_device_has_the_interrupts_of_its_pci_device(machine):
    fill(machine / "bus/virtio")
    fill(machine / "pci/virtio0")
    (machine / "pci/virtio0/subsystem").symlink_to(machine / "bus/virtio")
    device = machine / "net/lo/device"
    device.unlink()
    device.symlink_to(machine / "pci/virtio0")
    assert placed() == (25_000, 1, {2, 3, 4})


@pytest.mark.parametrize("changed", [{"ifindex": "2\n"}, {"address": "02:00:00:00:00:00\n"}])
def test_another_namespaces_device_of_that_name_tells_nothing(machine, changed):
    fill(machine / "net/lo", **changed)
    assert placed() == (None, None, frozenset())


def test_what_the_kernel_does_not_know(machine):
    fill(machine / "net/lo", speed="-1\n")
    fill(machine / "pci", numa_node="-1\n")
    assert placed() == (None, None, {2, 3, 4})
