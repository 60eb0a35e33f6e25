"""How the kernels of an anonymisation are made ready before they are needed."""

import numpy as np

from captures.compiled.readiness import make_ready
from captures.compiled.words import WORD_BYTES, words_of
from captures.format.sections import FLOW
from captures.rework.anonymize.blocks import ROW
from captures.rework.anonymize.checking import check_all
from captures.rework.anonymize.flows import FlowMapping, learn_flows, left_in_flows
from captures.rework.anonymize.originals import Originals
from captures.rework.anonymize.replacing import new_memory, replace_all
from captures.rework.anonymize.rules import Rules
from captures.rework.anonymize.scan.cutting import without_addresses
from captures.rework.anonymize.scan.finding import find_all
from captures.rework.anonymize.scan.kinds import Kind
from captures.rework.anonymize.scan.patterns import events_with
from captures.rework.anonymize.tokens.secret import LEAST_BYTES, secret_of
from captures.rework.anonymize.work import learn_listed, work_of


def prepare() -> None:
    """Compile or load the kernels."""
    work = work_of(Rules(), secret_of(bytes(LEAST_BYTES)))
    originals, seed = Originals(), work.vocabulary.seed
    text = np.zeros(WORD_BYTES, np.uint8)
    payload = text.view()
    payload.flags.writeable = False
    trains, fixed, rows = np.zeros(0, ROW), np.zeros((0, 2, 2), np.int64), np.zeros((0, 3), np.int64)
    flows, mapper = np.zeros(0, FLOW), FlowMapping(work.mapping, None, addresses=True, macs=True)
    names, place = originals.tables.names, work.place
    counts = np.zeros(len(Kind), np.int64)
    make_ready(
        "anonymizing",
        [
            lambda: find_all(payload, trains, 0, work.vocabulary, names, fixed, place),
            lambda: originals.learn(payload, rows, work.vocabulary, place),
            lambda: learn_listed(work, originals),
            lambda: learn_flows(flows, originals, seed, addresses=True, macs=True),
            lambda: left_in_flows(flows, mapper.map(flows), work.mapping, addresses=True, macs=True),
            lambda: events_with(payload, trains, np.zeros((1, 256), np.bool_), np.zeros(0, np.bool_)),
            lambda: without_addresses(rows, rows),
            lambda: replace_all(payload, rows, work.mapping, new_memory(), text, counts),
            lambda: check_all(payload, text, words_of(text), trains, originals.tables, work.mapping, place, counts),
        ],
    )
