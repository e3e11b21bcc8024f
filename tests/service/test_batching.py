"""The batcher's promises, each with a `run_batch` that is a plain function."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import weakref
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import numpy as np
import pytest

from service.batch_shape import BatchLimits
from service.batching import Batcher
from service.errors import (
    DeadlineExceeded,
    InferenceFailed,
    Overloaded,
    ServiceError,
    Unavailable,
)
from service.metrics import Metrics
from service.request import BatchResults
from service.vectors import Rows, find_unusable

pytestmark = pytest.mark.anyio

LIMITS = BatchLimits(max_batch_tokens=512, max_batch_size=64, max_queue_tokens=1_000_000)


class Text:
    """An item: a length, and a value by which its row is known."""

    def __init__(self, value: float, length: int = 4) -> None:
        self.value = value
        self.length = length

    def __len__(self) -> int:
        return self.length


class Engine:
    """Gives each item the row [value, length], or fails on values it is told to fail on."""

    def __init__(self) -> None:
        self.batches: list[list[Text]] = []
        self.poison: set[float] = set()
        self.started = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, items: Sequence[Text]) -> Rows:
        self.batches.append(list(items))
        self.started.set()
        assert self.gate.wait(20), "the test left the gate closed"
        if self.poison & {item.value for item in items}:
            raise ValueError("poison")
        return np.array([[item.value, item.length] for item in items], dtype=np.float32)

    @property
    def values(self) -> list[float]:
        return [item.value for batch in self.batches for item in batch]


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.gate.set()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def open_batcher(engine: Engine, executor: ThreadPoolExecutor, metrics: Metrics) -> Opener:
    return Opener(engine, executor, metrics)


class Opener:
    """Makes batchers on the fixtures' engine, executor and metrics."""

    def __init__(self, engine: Engine, executor: ThreadPoolExecutor, metrics: Metrics) -> None:
        self._engine = engine
        self._executor = executor
        self._metrics = metrics

    @asynccontextmanager
    async def __call__(
        self,
        limits: BatchLimits = LIMITS,
        *,
        shutdown_timeout: float = 10,
        zeros_allowed: bool = True,
        pass_timeout: float = 60,
        canary: Text | None = None,
    ) -> AsyncIterator[Batcher[Text]]:
        async with Batcher(
            self._engine,
            executor=self._executor,
            limits=limits,
            shutdown_timeout=shutdown_timeout,
            find_unusable=partial(find_unusable, zeros_allowed=zeros_allowed),
            metrics=self._metrics.for_model("m", encoder=True),
            pass_timeout=pass_timeout,
            canary=canary,
        ) as batcher:
            yield batcher


@asynccontextmanager
async def busy(engine: Engine, batcher: Batcher[Text]) -> AsyncIterator[None]:
    """Keep the engine in a forward pass during the block, so that what is submitted waits."""
    engine.gate.clear()
    engine.started.clear()
    first = asyncio.create_task(batcher.submit([Text(-1)]))
    try:
        assert await asyncio.to_thread(engine.started.wait, 10)
        yield
    finally:
        engine.gate.set()
        await asyncio.gather(first, return_exceptions=True)


async def start(
    batcher: Batcher[Text], *items: Text, **options: float
) -> asyncio.Task[BatchResults]:
    """Submit in a task, and return when the request has been admitted or refused."""
    task = asyncio.create_task(batcher.submit(items, **options))
    await asyncio.sleep(0)
    return task


@contextmanager
def no_complaints() -> Iterator[None]:
    """Fail where asyncio reports a lost exception or a broken callback."""
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    yield
    gc.collect()
    assert complaints == []


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_a_lone_request_is_run_at_once_on_an_idle_engine(
    engine: Engine, open_batcher: Opener
) -> None:
    async with open_batcher() as batcher:
        results = await batcher.submit([Text(7)])
    assert results.rows.tolist() == [[7, 4]]
    assert len(engine.batches) == 1


async def test_many_callers_get_their_own_rows_in_order_from_few_batches(
    engine: Engine, open_batcher: Opener
) -> None:
    chance = random.Random(3)
    async with open_batcher() as batcher:
        async with busy(engine, batcher):
            wanted = [
                [Text(chance.random(), chance.randint(1, 200)) for _ in range(chance.randint(1, 4))]
                for _ in range(200)
            ]
            tasks = [await start(batcher, *texts) for texts in wanted]
        for texts, task in zip(wanted, tasks, strict=True):
            expected = np.array([[t.value, len(t)] for t in texts], dtype=np.float32)
            np.testing.assert_array_equal((await task).rows, expected)
    batches = engine.batches[1:]
    assert len(batches) < sum(map(len, wanted)) / 3
    assert max(max(map(len, batch)) * len(batch) for batch in batches) <= 512


async def test_an_item_over_the_budget_is_run_alone(engine: Engine, open_batcher: Opener) -> None:
    async with open_batcher() as batcher:
        results = await batcher.submit([Text(1, 600), Text(2, 600), Text(3, 5)])
    assert results.rows.tolist() == [[1, 600], [2, 600], [3, 5]]
    assert [len(batch) for batch in engine.batches] == [1, 1, 1]


async def test_a_request_of_nothing_is_a_fault_of_the_caller(open_batcher: Opener) -> None:
    async with open_batcher() as batcher:
        with pytest.raises(ValueError, match="at least one item"):
            await batcher.submit([])


async def test_a_caller_who_left_while_waiting_costs_no_forward_pass(
    engine: Engine, open_batcher: Opener, metrics: Metrics
) -> None:
    async with open_batcher() as batcher:
        async with busy(engine, batcher):
            leaver, stayer = await start(batcher, Text(1), Text(2)), await start(batcher, Text(3))
            leaver.cancel()
        assert (await stayer).rows.tolist() == [[3, 4]]
        with pytest.raises(asyncio.CancelledError):
            await leaver
    assert engine.values == [-1, 3]
    assert sample(metrics, "litotes_dropped_entries_total", model="m", reason="cancelled") == 2


async def test_a_caller_who_leaves_in_flight_does_no_harm(
    engine: Engine, open_batcher: Opener
) -> None:
    with no_complaints():
        async with open_batcher() as batcher:
            engine.gate.clear()
            leaver = await start(batcher, Text(1))
            assert await asyncio.to_thread(engine.started.wait, 10)
            leaver.cancel()
            later = await start(batcher, Text(2))
            engine.gate.set()
            assert (await later).rows.tolist() == [[2, 4]]
            assert batcher.running


async def test_one_bad_item_fails_alone_with_its_index(
    engine: Engine, open_batcher: Opener, metrics: Metrics
) -> None:
    engine.poison = {13}
    async with open_batcher() as batcher:
        async with busy(engine, batcher):
            tasks = [await start(batcher, Text(10 * n), Text(10 * n + 3)) for n in range(16)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert batcher.running
    failed = outcomes.pop(1)
    assert isinstance(failed, InferenceFailed)
    assert failed.index == 1
    assert "poison" not in failed.message
    assert all(isinstance(outcome, BatchResults) for outcome in outcomes)
    # Of 32 items: the whole, then each time the bad half and the good one.
    assert len(engine.batches) - 1 <= 1 + 2 * 5
    assert sample(metrics, "litotes_failed_batches_total", model="m") == 6


async def test_a_request_that_failed_is_not_tried_further(
    engine: Engine, open_batcher: Opener
) -> None:
    engine.poison = set(range(64))
    async with open_batcher() as batcher:
        with pytest.raises(InferenceFailed) as failure:
            await batcher.submit([Text(value) for value in range(64)])
        assert failure.value.index == 0
        engine.poison = set()
        assert (await batcher.submit([Text(99)])).rows.tolist() == [[99, 4]]
    assert [len(batch) for batch in engine.batches] == [64, 32, 16, 8, 4, 2, 1, 1]


async def test_a_wrong_number_of_rows_is_an_error_and_never_a_shift(
    executor: ThreadPoolExecutor, metrics: Metrics
) -> None:
    async with Batcher(
        lambda items: np.ones((len(items) + 1, 2), dtype=np.float32),
        executor=executor,
        limits=LIMITS,
        shutdown_timeout=10,
        find_unusable=lambda rows: {},
        metrics=metrics.for_model("m", encoder=True),
    ) as batcher:
        with pytest.raises(InferenceFailed):
            await batcher.submit([Text(1), Text(2)])
        assert batcher.running


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
async def test_a_row_that_is_not_finite_fails_its_request_alone(
    engine: Engine, open_batcher: Opener, value: float
) -> None:
    async with open_batcher() as batcher:
        async with busy(engine, batcher):
            bad, good = await start(batcher, Text(1), Text(value)), await start(batcher, Text(2))
        assert (await good).rows.tolist() == [[2, 4]]
        with pytest.raises(InferenceFailed, match="not finite") as failure:
            await bad
    assert failure.value.index == 1
    assert len(engine.batches) == 2


async def test_a_row_of_zeros_is_refused_where_vectors_are_expected(
    executor: ThreadPoolExecutor, metrics: Metrics
) -> None:
    async with Batcher(
        lambda items: np.array([[item.value] for item in items], dtype=np.float32),
        executor=executor,
        limits=LIMITS,
        shutdown_timeout=10,
        find_unusable=partial(find_unusable, zeros_allowed=False),
        metrics=metrics.for_model("m", encoder=True),
    ) as batcher:
        with pytest.raises(InferenceFailed, match="all zeros") as failure:
            await batcher.submit([Text(5), Text(5), Text(0)])
        assert failure.value.index == 2


async def test_a_full_queue_refuses_a_request_whole_and_takes_what_still_fits(
    engine: Engine, open_batcher: Opener, metrics: Metrics
) -> None:
    limits = BatchLimits(max_batch_tokens=512, max_batch_size=64, max_queue_tokens=100)
    async with open_batcher(limits) as batcher:
        async with busy(engine, batcher):
            waiting = await start(batcher, Text(1, 60))
            with pytest.raises(Overloaded):
                await batcher.submit([Text(2, 20), Text(3, 21)])
            assert sample(metrics, "litotes_queue_texts", model="m") == 1
            assert sample(metrics, "litotes_queue_tokens", model="m") == 60
            fitting = await start(batcher, Text(4, 40))
        await asyncio.gather(waiting, fitting)
        assert (await batcher.submit([Text(5)])).rows.tolist() == [[5, 4]]
    assert sorted(engine.values) == [-1, 1, 4, 5]
    assert sample(metrics, "litotes_refused_requests_total", model="m") == 1


async def test_a_request_over_the_queue_is_taken_when_nothing_waits(
    open_batcher: Opener,
) -> None:
    limits = BatchLimits(max_batch_tokens=64, max_batch_size=64, max_queue_tokens=100)
    async with open_batcher(limits) as batcher:
        results = await batcher.submit([Text(value, 10) for value in range(50)])
    assert results.rows[:, 0].tolist() == list(range(50))


async def test_the_wait_told_to_a_refused_client_grows_with_what_is_before_it(
    engine: Engine, open_batcher: Opener
) -> None:
    limits = BatchLimits(max_batch_tokens=512, max_batch_size=64, max_queue_tokens=1000)
    async with open_batcher(limits) as batcher:
        async with busy(engine, batcher):
            pass  # one observation: 4 tokens in the time that the gate was closed
        async with busy(engine, batcher):
            waiting = await start(batcher, Text(1, 1000))
            waits = []
            for tokens in (1, 400_000):
                with pytest.raises(Overloaded) as refusal:
                    await batcher.submit([Text(2, tokens)])
                waits.append(refusal.value.retry_after)
        await waiting
    assert 0 < waits[0] <= waits[1] <= 60


async def test_a_deadline_that_has_passed_is_told_without_a_forward_pass(
    engine: Engine, open_batcher: Opener
) -> None:
    async with open_batcher() as batcher:
        with pytest.raises(DeadlineExceeded):
            await batcher.submit([Text(1)], deadline=asyncio.get_running_loop().time())
    assert engine.batches == []


async def test_a_deadline_that_passes_while_waiting_costs_no_forward_pass(
    engine: Engine, open_batcher: Opener, metrics: Metrics
) -> None:
    async with open_batcher() as batcher, busy(engine, batcher):
        soon = asyncio.get_running_loop().time() + 0.01
        with pytest.raises(DeadlineExceeded):
            await batcher.submit([Text(1)], deadline=soon)
    assert engine.values == [-1]
    assert sample(metrics, "litotes_dropped_entries_total", model="m", reason="deadline") == 1


async def test_a_deadline_that_passes_in_flight_is_answered_before_the_pass_ends(
    engine: Engine, open_batcher: Opener
) -> None:
    with no_complaints():
        async with open_batcher() as batcher:
            engine.gate.clear()
            soon = asyncio.get_running_loop().time() + 0.01
            with pytest.raises(DeadlineExceeded):
                await batcher.submit([Text(1)], deadline=soon)
            engine.gate.set()
            assert (await batcher.submit([Text(2)])).rows.tolist() == [[2, 4]]


async def test_a_lone_text_does_not_wait_for_the_rest_of_a_bulk_request(
    engine: Engine, open_batcher: Opener
) -> None:
    async with open_batcher() as batcher:
        async with busy(engine, batcher):
            bulk = await start(batcher, *(Text(value, 100) for value in range(2048)))
            lone = await start(batcher, Text(5000, 6))
        assert (await lone).rows.tolist() == [[5000, 6]]
        await bulk
    position = next(n for n, batch in enumerate(engine.batches) if batch[0].value == 5000)
    assert position <= 2


async def test_a_bulk_request_gets_its_share_under_a_stream_of_short_ones(
    engine: Engine, open_batcher: Opener
) -> None:
    async with open_batcher() as batcher:
        async with busy(engine, batcher):
            bulk = await start(batcher, *(Text(value, 100) for value in range(50)))

        async def stream() -> int:
            sent = 0
            while not bulk.done():
                await batcher.submit([Text(-2, 6)])
                sent += 1
            return sent

        sent = sum(await asyncio.gather(*(stream() for _ in range(4))))
        assert (await bulk).rows[:, 0].tolist() == list(range(50))
    assert sent < 200


async def test_the_end_of_the_block_answers_what_was_admitted_and_refuses_the_rest(
    engine: Engine, open_batcher: Opener
) -> None:
    async with open_batcher() as batcher:
        engine.gate.clear()
        tasks = [await start(batcher, Text(value, 300)) for value in range(5)]
        assert await asyncio.to_thread(engine.started.wait, 10)
        asyncio.get_running_loop().call_soon(engine.gate.set)
    assert not batcher.running
    assert [(await task).rows[0, 0] for task in tasks] == [0, 1, 2, 3, 4]
    with pytest.raises(Unavailable):
        await batcher.submit([Text(9)])


async def test_the_end_waits_no_longer_than_allowed_for_a_stuck_forward_pass(
    engine: Engine, open_batcher: Opener
) -> None:
    with no_complaints():
        async with open_batcher(shutdown_timeout=0.01) as batcher:
            engine.gate.clear()
            tasks = [await start(batcher, Text(value, 300)) for value in range(3)]
            assert await asyncio.to_thread(engine.started.wait, 10)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
        engine.gate.set()


async def test_a_pass_that_outlives_its_bound_is_told_to_all_and_refuses_the_rest_until_it_ends(
    engine: Engine, open_batcher: Opener
) -> None:
    with no_complaints():
        async with open_batcher(pass_timeout=0.05) as batcher:
            engine.gate.clear()
            tasks = [await start(batcher, Text(value, 300)) for value in range(3)]
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
            assert batcher.running
            assert not batcher.ready
            with pytest.raises(Unavailable):
                await batcher.submit([Text(9)])
            engine.gate.set()
            while not batcher.ready:
                await asyncio.sleep(0)
            assert (await batcher.submit([Text(7)])).rows.tolist() == [[7, 4]]
    assert engine.values == [0, 7]  # what waited was not run for nobody


async def test_a_failure_of_everything_is_the_engines_and_ends_with_it(
    engine: Engine, open_batcher: Opener
) -> None:
    canary = Text(0, 1)
    async with open_batcher(canary=canary) as batcher:
        engine.poison = {0, 1, 2, 3}
        async with busy(engine, batcher):
            tasks = [await start(batcher, Text(value, 300)) for value in (1, 2, 3)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [
            InferenceFailed,
            Unavailable,
            Unavailable,
        ]
        assert not batcher.ready
        engine.poison = set()
        while not batcher.ready:
            await asyncio.sleep(0.01)
        assert (await batcher.submit([Text(1)])).rows.tolist() == [[1, 4]]


async def test_a_bad_item_does_not_make_the_engine_suspect_for_long(
    engine: Engine, open_batcher: Opener
) -> None:
    engine.poison = {1}
    async with open_batcher(canary=Text(0, 1)) as batcher:
        with pytest.raises(InferenceFailed):
            await batcher.submit([Text(1)])
        assert (await batcher.submit([Text(2)])).rows.tolist() == [[2, 4]]
        assert batcher.ready
    assert engine.values == [1, 0, 2]


async def test_an_engine_that_gives_nothing_but_nan_is_broken(
    engine: Engine, open_batcher: Opener
) -> None:
    canary = Text(np.nan, 1)
    async with open_batcher(canary=canary) as batcher:
        with pytest.raises(InferenceFailed):
            await batcher.submit([Text(np.nan)])
        while batcher.ready:
            await asyncio.sleep(0.001)
        canary.value = 5
        while not batcher.ready:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("texts_of_a_request", [1, 32, 10_000])
async def test_a_client_with_ten_thousand_texts_does_not_starve_one_with_a_single_query(
    engine: Engine, open_batcher: Opener, texts_of_a_request: int
) -> None:
    async with open_batcher() as batcher:
        async with busy(engine, batcher):
            bulk = [
                await start(
                    batcher, *(Text(n, 50) for n in range(texts_of_a_request)), client="bulk"
                )
                for _ in range(10_000 // texts_of_a_request)
            ]
            lone = await start(batcher, Text(-5, 6), client="lone")
        assert (await lone).rows.tolist() == [[-5, 6]]
        waited = next(n for n, batch in enumerate(engine.batches) if batch[0].value == -5)
        assert waited <= 2  # the pass under way, and one of the other client
        for task in bulk:
            task.cancel()
        await asyncio.gather(*bulk, return_exceptions=True)


async def test_a_client_that_fills_the_queue_leaves_room_for_the_others(
    engine: Engine, open_batcher: Opener
) -> None:
    limits = BatchLimits(max_batch_tokens=512, max_batch_size=64, max_queue_tokens=1000)
    async with open_batcher(limits) as batcher:
        async with busy(engine, batcher):
            bulk = await start(batcher, Text(1, 1000), client="bulk")
            with pytest.raises(Overloaded):
                await batcher.submit([Text(2)], client="bulk")
            others = [
                await start(batcher, Text(3, 100), client="lone"),
                await start(batcher, Text(4, 100), client="third"),
            ]
        assert (await bulk).rows.tolist() == [[1, 1000]]
        first, second = await asyncio.gather(*others, return_exceptions=True)
    assert first.rows.tolist() == [[3, 100]]
    assert isinstance(second, Overloaded)  # the room is bounded too


async def test_the_death_of_the_loop_is_told_to_everybody_and_seen_from_outside(
    engine: Engine, executor: ThreadPoolExecutor, open_batcher: Opener
) -> None:
    async with open_batcher() as batcher:
        assert batcher.running
        async with busy(engine, batcher):
            tasks = [await start(batcher, Text(value, 300)) for value in range(3)]
            executor.shutdown(wait=False)  # what runs goes on, the next batch cannot start
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
        assert not batcher.running
        with pytest.raises(Unavailable):
            await batcher.submit([Text(9)])


async def test_time_is_either_waiting_or_a_forward_pass(
    engine: Engine, open_batcher: Opener, metrics: Metrics
) -> None:
    loop = asyncio.get_running_loop()
    async with open_batcher() as batcher:
        started = loop.time()
        async with busy(engine, batcher):
            task = await start(batcher, Text(1, 300), Text(2, 300))
            await asyncio.sleep(0.02)
        results = await task
        elapsed = loop.time() - started
    assert results.queue_duration >= 0.02
    assert results.inference_duration > 0
    assert results.queue_duration + results.inference_duration <= elapsed
    assert sample(metrics, "te_request_queue_duration_count") == 2
    assert sample(metrics, "te_batch_next_size_count") == 3
    assert sample(metrics, "te_queue_size") == 0


async def test_the_padding_that_was_run_can_be_read_off_the_metrics(
    open_batcher: Opener, metrics: Metrics
) -> None:
    async with open_batcher() as batcher:
        await batcher.submit([Text(1, 100), Text(2, 96)])
    assert sample(metrics, "litotes_tokens_total", model="m") == 196
    assert sample(metrics, "litotes_padding_tokens_total", model="m") == 4
    assert sample(metrics, "litotes_padding_ratio_sum", model="m") == pytest.approx(4 / 200)


async def test_requests_that_come_and_go_leave_nothing_in_memory(
    engine: Engine, open_batcher: Opener
) -> None:
    async with open_batcher() as batcher, busy(engine, batcher):
        items = [Text(value, 1 + value % 7) for value in range(500)]
        witnesses = [weakref.ref(item) for item in items]
        task = await start(batcher, *items)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del items, task
        await asyncio.sleep(0)  # asyncio lets go of the task in its next round
        gc.collect()
        assert not any(witness() for witness in witnesses)


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_every_request_has_exactly_one_end(
    seed: int, engine: Engine, open_batcher: Opener
) -> None:
    chance = random.Random(seed)
    engine.poison = {float(value) for value in range(0, 1000, 19)}
    loop = asyncio.get_running_loop()

    async def ask(batcher: Batcher[Text]) -> str:
        texts = [
            Text(chance.randrange(1000), chance.randint(1, 80)) for _ in range(chance.randint(1, 9))
        ]
        deadline = loop.time() + chance.choice([0, 0.001, 0.01, 10])
        bad = engine.poison & {text.value for text in texts}
        try:
            results = await batcher.submit(texts, deadline=deadline)
        except ServiceError as error:
            failure = error
        else:
            assert not bad
            assert results.rows.tolist() == [[text.value, len(text)] for text in texts]
            return "answered"
        if isinstance(failure, InferenceFailed):
            assert failure.index is not None
            assert texts[failure.index].value in bad
        return failure.code

    limits = BatchLimits(max_batch_tokens=300, max_batch_size=10, max_queue_tokens=20_000)
    with no_complaints():
        tasks = []
        async with open_batcher(limits) as batcher:
            for _ in range(300):
                tasks.append(asyncio.create_task(ask(batcher)))
                if chance.random() < 0.2:
                    chance.choice(tasks).cancel()
                if chance.random() < 0.3:
                    await asyncio.sleep(0)
        ends = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
    told = {end if isinstance(end, str) else type(end).__name__ for end in ends}
    refusals = {"overloaded", "deadline_exceeded", "unavailable", "inference_failed"}
    assert told <= refusals | {"answered", "CancelledError"}
    assert {"answered", "CancelledError"} <= told
