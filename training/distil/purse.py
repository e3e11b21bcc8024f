"""The budget of a run: what was spent, and what the calls under way may still cost."""

from __future__ import annotations

import asyncio

from training.distil.config import Spending
from training.distil.reply import Usage

MILLION = 1_000_000


class Purse:
    """Lets a call go only if the budget covers it at its dearest, with all those under way.

    Args:
        config: Budget and prices.
        spent: Tokens that earlier starts of the run have paid for.
    """

    def __init__(self, config: Spending, spent: Usage) -> None:
        self._budget = config.budget
        self._prices = config.endpoint.usd_per_million_in, config.endpoint.usd_per_million_out
        self._reserved: list[Usage] = []
        self._changed = asyncio.Condition()
        self.spent = spent

    @property
    def usd(self) -> float:
        """US dollars spent; 0 where no price is set."""
        return self.cost(self.spent)

    def cost(self, usage: Usage) -> float:
        """US dollars that tokens cost."""
        read, written = (price or 0.0 for price in self._prices)
        return (usage.read * read + usage.written * written) / MILLION

    async def reserve(self, dearest: Usage) -> bool:
        """Set money aside for a call, once it is clear whether there is enough; False if not."""
        async with self._changed:
            while not self._covers(dearest):
                if not self._reserved:
                    return False
                await self._changed.wait()
            self._reserved.append(dearest)
            return True

    async def settle(self, dearest: Usage, real: Usage | None) -> None:
        """Book what a call has cost in the end; None if it brought no reply."""
        async with self._changed:
            self._reserved.remove(dearest)
            if real is not None:
                self.spent += real
            self._changed.notify_all()

    def shortage(self) -> str:
        """Which budget is reached, in a line."""
        limits = []
        if self._budget.usd is not None:
            limits.append(f"{self.usd:.4f} of {self._budget.usd:g} US dollars")
        if self._budget.tokens is not None:
            limits.append(f"{self.spent.read + self.spent.written} of {self._budget.tokens} tokens")
        return f"{' and '.join(limits)} spent, and the next call may cost more than is left"

    def _covers(self, dearest: Usage) -> bool:
        total = sum([*self._reserved, dearest], self.spent)
        usd, tokens = self._budget.usd, self._budget.tokens
        return (usd is None or self.cost(total) <= usd) and (
            tokens is None or total.read + total.written <= tokens
        )
