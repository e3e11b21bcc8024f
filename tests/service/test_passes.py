"""Forward passes that follow each other without the event loop."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

from service.batch_shape import BatchLimits
from service.metrics import Metrics
from service.passes import Ended, Pass, Passes
from service.request import Request
from service.vectors import Rows, find_unusable

ONE_EACH = BatchLimits(max_batch_tokens=10, max_batch_size=1, max_queue_tokens=1_000_000)
LONG = 20  # seconds that no test comes near


class Text:
    """An item: its value is its row."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __len__(self) -> int:
        return 4


class Engine:
    """Gives each item its value, and fails on -1."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, items: Sequence[Text]) -> Rows:
        assert self.gate.wait(LONG)
        self.values += [item.value for item in items]
        if any(item.value == -1 for item in items):
            raise ValueError("poison")
        return np.array([[item.value] for item in items], dtype=np.float32)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.gate.set()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def passes(engine: Engine, executor: ThreadPoolExecutor, metrics: Metrics) -> Passes[Text]:
    return Passes(
        engine,
        executor=executor,
        limits=ONE_EACH,
        find_unusable=partial(find_unusable, zeros_allowed=True),
        metrics=metrics.for_model("m", encoder=True),
    )


def request(*values: float) -> Request[Text]:
    # No loop runs here, and of a future only whether it is done is asked.
    future: Any = Future()
    return Request([Text(value) for value in values], future, admitted=0.0)


def ended(running: Pass[Text] | None) -> Ended[Text]:
    assert running is not None
    return running.job.result(LONG)


def follow(running: Pass[Text] | None) -> Iterator[Ended[Text]]:
    """Give what came of a pass and of each that followed it."""
    while running is not None:
        yield (end := ended(running))
        running = end.successor


def test_all_that_waits_is_run_while_no_event_loop_looks(
    engine: Engine, passes: Passes[Text]
) -> None:
    for value in (1, 2, 3):
        passes.add(request(value))
    ends = list(follow(passes.start()))
    assert [end.outcome.rows.tolist() for end in ends] == [[[1]], [[2]], [[3]]]
    assert engine.values == [1, 2, 3]
    assert passes.waiting_tokens == 0
    assert passes.start() is None


def test_what_comes_during_a_pass_is_chosen_from_at_its_end(
    engine: Engine, passes: Passes[Text]
) -> None:
    passes.add(request(1))
    engine.gate.clear()
    running = passes.start()
    late, gone = request(2), request(3)
    passes.add(late)
    passes.add(gone)
    passes.withdraw(gone, "cancelled")
    engine.gate.set()
    assert [end.outcome.rows.tolist() for end in follow(running)] == [[[1]], [[2]]]


def test_the_time_between_two_passes_is_counted_where_work_waited(
    passes: Passes[Text], metrics: Metrics
) -> None:
    def gaps() -> float | None:
        return metrics.registry.get_sample_value("litotes_batch_gap_seconds_count", {"model": "m"})

    passes.add(request(1))
    list(follow(passes.start()))
    assert gaps() == 0
    passes.add(request(2, 3, 4))
    list(follow(passes.start()))
    assert gaps() == 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_follows_a_pass_whose_rows_are_all_unusable(
    engine: Engine, passes: Passes[Text], value: float
) -> None:
    passes.add(request(value))
    passes.add(request(2))
    end = ended(passes.start())
    assert end.outcome.all_faulty
    assert end.successor is None
    assert passes.waiting_tokens == 4


def test_nothing_follows_a_pass_that_raised_and_its_halves_go_first(
    engine: Engine, executor: ThreadPoolExecutor, metrics: Metrics
) -> None:
    passes = Passes(
        engine,
        executor=executor,
        limits=BatchLimits(max_batch_tokens=8, max_batch_size=2, max_queue_tokens=1_000),
        find_unusable=lambda rows: {},
        metrics=metrics.for_model("m", encoder=True),
    )
    passes.add(request(-1, 5))
    passes.add(request(7, 8))
    failed = passes.start()
    assert failed is not None
    with pytest.raises(ValueError, match="poison"):
        failed.job.result(LONG)
    assert passes.waiting_tokens == 8
    passes.split(failed.batch)
    with pytest.raises(ValueError, match="poison"):
        ended(passes.start())
    assert [end.outcome.rows.tolist() for end in follow(passes.start())] == [[[5]], [[7], [8]]]


def test_a_batch_that_no_thread_takes_waits_again(
    passes: Passes[Text], executor: ThreadPoolExecutor
) -> None:
    passes.add(request(1))
    executor.shutdown()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            passes.start()


def test_an_item_is_tried_alone(passes: Passes[Text]) -> None:
    assert passes.try_alone(Text(1)).result(LONG)
    assert not passes.try_alone(Text(np.nan)).result(LONG)
    with pytest.raises(ValueError, match="poison"):
        passes.try_alone(Text(-1)).result(LONG)


def test_threads_that_add_and_withdraw_run_each_item_once_at_most(
    engine: Engine, passes: Passes[Text]
) -> None:
    stays = [request(*range(100 * n, 100 * n + 20)) for n in range(1, 9)]
    leaves = [request(*range(10_000 * n, 10_000 * n + 20)) for n in range(1, 9)]

    def come_and_go(number: int) -> None:
        chance = random.Random(number)
        for each in chance.sample([stays[number], leaves[number]], 2):
            passes.add(each)
        passes.withdraw(leaves[number], "cancelled")

    passes.add(request(0))
    engine.gate.clear()
    running = passes.start()
    with ThreadPoolExecutor(8) as others:
        jobs = [others.submit(come_and_go, number) for number in range(8)]
        engine.gate.set()
    for job in jobs:
        job.result(LONG)
    for _ in (*follow(running), *follow(passes.start())):
        pass
    counts = Counter(engine.values)
    assert set(counts.values()) == {1}
    assert all(entry.item.value in counts for each in stays for entry in each.entries)
    assert passes.waiting_tokens == 0
