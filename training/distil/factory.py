"""Runs a distillation: calls that are not answered yet, within the budget, several at a time."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from training.distil.config import DistilConfig, Spending
from training.distil.endpoint import Endpoint, NoReply, Stop
from training.distil.gathering import Gathering
from training.distil.harvest import Harvest
from training.distil.ledger import Entry, Ledger, entry_for
from training.distil.plan import Call, plan
from training.distil.purse import Purse
from training.distil.reply import NOTHING, Usage
from training.distil.rules import Rejection
from training.run import write_json, written

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main(config: DistilConfig) -> dict[str, Any]:
    """Ask for what is not answered yet, and tell what came of all replies.

    Raises:
        ValueError: A prompt, the key or the endpoint is wrong, or the budget is reached; what was
            paid for is kept.
    """
    calls = plan(config)
    folder = config.folder
    with Ledger(folder / "replies.jsonl") as ledger, Harvest(folder, config.corpus) as harvest:
        (folder / "config.json").write_text(written(config), encoding="utf-8")
        try:
            make_calls(config, calls, ledger, harvest, reap(ledger, harvest))
        finally:
            figures = summary(config, harvest)
            write_json(folder / "distil.json", figures)
    return figures


def make_calls(
    config: Spending,
    calls: Sequence[Call],
    ledger: Ledger,
    harvest: Gathering[Any],
    answered: Collection[str],
) -> None:
    """Make the calls that are not answered yet, within what is left of the budget.

    Raises:
        ValueError: Not all were made.
    """
    waiting = [call for call in calls if call.id not in answered]
    logger.info("%d of %d calls are to be made", len(waiting), len(calls))
    spent = sum((result.usage for result in harvest.yields.values()), NOTHING)
    if waiting:
        asyncio.run(Factory(config, ledger, harvest, spent).run(waiting, len(calls)))


def reap(ledger: Ledger, harvest: Gathering[Any]) -> set[str]:
    """Sort out the replies of earlier starts; the ids of their calls."""
    answered = set()
    for entry in ledger:
        if isinstance(entry, Entry):
            harvest.take(entry)
            answered.add(entry.call)
        else:
            harvest.lose(entry)
    return answered


class Factory:
    """Several workers that share a ledger, a harvest and a purse.

    Once something stops the run no call is begun, but those under way are awaited: they are paid.
    """

    def __init__(
        self, config: Spending, ledger: Ledger, harvest: Gathering[Any], spent: Usage
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._harvest = harvest
        self._purse = Purse(config, spent)
        self._stopped: str | None = None
        self._fruitless = 0

    async def run(self, calls: Sequence[Call], total: int) -> None:
        """Make the calls.

        Raises:
            Stop: Not all were made.
        """
        waiting = iter(calls)
        with self._progress(total, total - len(calls)) as bar, self._until_signal():
            async with Endpoint(self._config.endpoint) as endpoint, asyncio.TaskGroup() as group:
                for _ in range(min(self._config.endpoint.concurrency, len(calls))):
                    group.create_task(self._work(endpoint, waiting, bar))
        if self._stopped:
            raise Stop(self._stopped)

    async def _work(self, endpoint: Endpoint, waiting: Iterator[Call], bar: Any) -> None:
        """Make one call after another."""
        for call in waiting:
            dearest = endpoint.dearest(call)
            if not await self._purse.reserve(dearest):
                self._stop(f"the budget is reached: {self._purse.shortage()}")
                return
            if self._stopped:
                await self._purse.settle(dearest, None)
                return
            await self._make(endpoint, call, dearest)
            bar.update()
            self._tell(bar)

    async def _make(self, endpoint: Endpoint, call: Call, dearest: Usage) -> None:
        """Make a call, and write its reply down before it is looked at."""
        entry: Entry | None = None
        kept = 0
        try:
            answer = await endpoint.ask(call)
            model = self._config.endpoint.model
            entry = entry_for(call, model, dearest, answer.retries, answer.body)
            self._ledger.append(entry)
            kept = self._harvest.take(entry)
        except NoReply as error:
            self._harvest.reject(call.id, call.kind, Rejection("no reply", str(error)))
            self._count(kept, str(error))
        except (Stop, OSError) as error:
            self._stop(str(error))
        else:
            self._count(kept, "see rejected.jsonl")
        finally:
            await self._purse.settle(dearest, entry.usage if entry else None)

    def _count(self, kept: int, why: str) -> None:
        """Stop where call after call brings nothing."""
        self._fruitless = 0 if kept else self._fruitless + 1
        if self._fruitless >= self._config.endpoint.give_up_after:
            unit = self._harvest.unit
            self._stop(f"{self._fruitless} calls in a row brought no {unit}; the last: {why}")

    def _stop(self, why: str) -> None:
        """Begin no further call; the first reason is the one that is told."""
        self._stopped = self._stopped or why

    def _tell(self, bar: Any) -> None:
        yields = self._harvest.yields.values()
        rejected = sum(sum(result.rejected.values()) for result in yields)
        rows = sum(result.rows for result in yields)
        kept = {f"{self._harvest.unit}s": rows, "rejected": rejected}
        bar.set_postfix(**kept, usd=f"{self._purse.usd:.3f}")

    @contextmanager
    def _progress(self, total: int, done: int) -> Iterator[Any]:
        with (
            tqdm(total=total, initial=done, desc="Calls", unit="call") as bar,
            logging_redirect_tqdm(),
        ):
            yield bar

    @contextmanager
    def _until_signal(self) -> Iterator[None]:
        """On the first Ctrl-C or SIGTERM, await what is under way; on a second, end at once."""
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            self._stop("interrupted: run it again to go on")
            for number in SIGNALS:
                loop.remove_signal_handler(number)

        for number in SIGNALS:
            loop.add_signal_handler(number, interrupt)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)


def summary(config: Spending, harvest: Gathering[Any]) -> dict[str, Any]:
    """What came of all replies so far, by kind and in all."""
    purse = Purse(config, NOTHING)
    kinds = {
        kind: {
            "replies": result.replies,
            "rows": result.rows,
            "rejected": dict(sorted(result.rejected.items())),
            "retries": result.retries,
            "tokens": asdict(result.usage),
            "usd": round(purse.cost(result.usage), 6),
        }
        for kind, result in harvest.yields.items()
        if result.replies or result.rejected
    }
    usage = sum((result.usage for result in harvest.yields.values()), NOTHING)
    total = {
        "rows": sum(result.rows for result in harvest.yields.values()),
        "tokens": asdict(usage),
        "usd": round(purse.cost(usage), 6),
    }
    return {"model": config.endpoint.model, "kinds": kinds, "total": total}
