"""How a run or a sink is asked: one question and one answer, each a line of JSON."""
