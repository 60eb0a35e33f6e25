import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.packets.headers.flow_table import empty_flow_table, number_flow
from captures.packets.headers.key import KEY_WORDS, key_of, rows_of

words = st.sampled_from([0, 1, -1, 2**62, -(2**63), 514 << 48]) | st.integers(-(2**63), 2**63 - 1)
keys = st.tuples(*[words] * KEY_WORDS)


@given(st.lists(keys, max_size=20), st.lists(st.integers(0, 19), max_size=60), st.sampled_from([1, 4, 1 << 12]))
def test_a_number_always_stands_for_the_same_flow(known, order, recent):
    table, new = empty_flow_table(recent), np.zeros((len(order), KEY_WORDS), np.int64)
    flows = [known[place % len(known)] for place in order if known]
    numbers = [number_flow(table, np.array(flow, np.int64), new, 0) for flow in flows]
    assert [tuple(new[number].tolist()) for number in numbers] == flows
    first = [number for place, number in enumerate(numbers) if number not in numbers[:place]]
    assert first == list(range(table.given[0]))
    # One flow after the other keeps its number.
    assert all(a == b for a, b, one, two in zip(numbers, numbers[1:], flows, flows[1:], strict=False) if one == two)


def test_flows_of_a_network_find_places_of_their_own():
    table, new = empty_flow_table(1 << 16), np.zeros((1 << 15, KEY_WORDS), np.int64)
    key = np.zeros(KEY_WORDS, np.int64)
    given = []
    for _ in range(2):
        for number in range(1 << 12):
            key[0] = 4 | 17 << 8 | (number % 64 + 1024) << 32 | 514 << 48
            key[4] = 10 | (number // 64) << 24
            number_flow(table, key, new, 0)
        given.append(int(table.given[0]))
    # Where two share a place, each gets a new number when it comes again.
    assert given[0] == 1 << 12
    assert given[1] < given[0] * 1.2


def test_a_key_is_a_row_of_the_format():
    key = np.zeros((1, KEY_WORDS), np.int64)
    key[0] = (6 | 17 << 8 | 3 << 16 | 64 << 24 | 1 << 32 | 514 << 48, 5 | 2 << 32 | 9 << 48, 7, 0, 1, 2, 3, 4)
    (flow,) = rows_of(key)
    assert (flow["family"], flow["protocol"], flow["tos"], flow["ttl"]) == (6, 17, 3, 64)
    assert (flow["source_port"], flow["target_port"], flow["link"], flow["label"]) == (1, 514, 9, 7)
    assert (flow["vlans"].tolist(), flow["vlan_count"]) == ([5, 0], 2)
    assert key_of(rows_of(key)).tolist() == key[0].tolist()
