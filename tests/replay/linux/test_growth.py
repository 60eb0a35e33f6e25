"""What counters have grown by, where they wrap, begin anew, appear and go."""

from hypothesis import given
from hypothesis import strategies as st

from replay.linux.growth import grown, grown_by_core, grown_by_device
from replay.linux.network.counters import ReceiveCounters

MODULUS = 1 << 32


def test_a_counter_that_began_anew_has_grown_by_what_it_says():
    assert grown({"a": 5, "b": 9, "gone": 1}, {"a": 7, "b": 2, "new": 3}) == {"a": 2, "b": 2, "new": 0}


def test_a_device_that_began_anew_hides_nothing_of_another():
    before = {"eth0": {"dropped": 1_000_000}, "eth1": {"dropped": 5}, "gone": {"dropped": 9}}
    now = {"eth0": {"dropped": 3}, "eth1": {"dropped": 12}, "new": {"dropped": 40}}
    assert grown_by_device(before, now) == {"eth0": {"dropped": 3}, "eth1": {"dropped": 7}, "new": {"dropped": 40}}


@given(st.dictionaries(st.integers(0, 9), st.tuples(st.integers(0, MODULUS - 1), st.integers(0, MODULUS // 20))))
def test_counters_of_32_bits_wrap_core_by_core(cores):
    before = {core: start for core, (start, _) in cores.items()}
    now = {core: (start + step) % MODULUS for core, (start, step) in cores.items()}
    assert grown_by_core(before, now) == sum(step for _, step in cores.values())


def test_what_a_host_received_meanwhile():
    before = ReceiveCounters({"udp_no_ports": 4}, {0: MODULUS - 3, 1: 7}, {"eth0": {"dropped": 90, "errors": 1}})
    now = ReceiveCounters({"udp_no_ports": 9}, {0: 4, 1: 7}, {"eth0": {"dropped": 2, "errors": 1}})
    counted = {"udp_no_ports": 5, "backlog_dropped": 7, "nic_rx_dropped": 2, "nic_rx_errors": 0}
    assert now.since(before) == counted
    assert set(now.since(now).values()) == {0}
