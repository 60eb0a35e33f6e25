"""One question and one answer, a line of JSON each way: how a run or a sink is asked."""
