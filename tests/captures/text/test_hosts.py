"""Hosts are numbered as a dict would number them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import captures.text.hosts as hosts_module
from captures.text.finding import EVENT, FIELD, FIELDS, Found
from captures.text.hosts import NO_HOST, Hosts
from captures.text.messages import as_messages


def numbers(hosts, names):
    """The numbers of a batch of events that are each a host and a byte before and behind it."""
    lengths = np.array([len(name) + 2 for name in names], np.int64)
    batch = as_messages(
        np.frombuffer(b"".join(b"<" + name + b">" for name in names), np.uint8), np.cumsum(lengths) - lengths, lengths
    )
    found = Found(np.zeros(len(names), EVENT), np.zeros((len(names), FIELDS), FIELD))
    found.events["host"], found.events["host_length"] = 1, lengths - 2
    return hosts.numbers(batch, found).tolist()


@settings(max_examples=100, deadline=None)
@given(
    batches=st.lists(
        st.lists(st.sampled_from([b"", b"a", b"b", b"server1", b"server2", b"x" * 255]), max_size=20), max_size=5
    )
)
def test_hosts_are_numbered_in_the_order_in_which_they_appear(batches):
    hosts, known = Hosts(), {}
    for names in batches:
        expected = [known.setdefault(name, len(known)) if name else NO_HOST for name in names]
        assert numbers(hosts, names) == expected
    assert hosts.names == list(known)
    assert hosts.count == len(known)
    assert hosts.unnumbered_events == 0


def test_many_hosts_are_told_apart_and_the_names_of_the_first_are_kept(monkeypatch):
    monkeypatch.setattr(hosts_module, "MOST_NAMES", 50_000)
    hosts, names = Hosts(), [b"host%d" % i for i in range(100_000)]
    assert numbers(hosts, names[:60_000]) == [*range(60_000)]
    assert numbers(hosts, names) == [*range(100_000)]
    assert hosts.names == names[:50_000]


def test_there_is_an_end_to_numbers():
    hosts = Hosts()
    hosts._counts[0] = hosts_module.MOST_HOSTS - 1
    assert numbers(hosts, [b"a", b"b", b"a", b"b"]) == [
        hosts_module.MOST_HOSTS - 1,
        NO_HOST,
        hosts_module.MOST_HOSTS - 1,
        NO_HOST,
    ]
    assert hosts.unnumbered_events == 2
