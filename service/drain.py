"""How fast a queue empties, from what was seen of late."""

from __future__ import annotations

# What an earlier observation still weighs when the next comes in: some ten of them count.
_DECAY = 0.9

# Bounds of what a refused client is told to wait, in seconds. Under the first it would only come
# back to a full queue; over the second the estimate is worth little, and clients give up.
_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 60.0

# The answer while nothing has been observed, in seconds.
_FIRST_GUESS = 1.0


class DrainRate:
    """Tokens answered in a second of work, as a decaying mean."""

    def __init__(self) -> None:
        self._tokens = 0.0
        self._seconds = 0.0

    def note(self, tokens: int, seconds: float) -> None:
        """So many tokens were done in so many seconds."""
        self._tokens = self._tokens * _DECAY + tokens
        self._seconds = self._seconds * _DECAY + seconds

    def seconds_for(self, tokens: int) -> float:
        """Return how long so many tokens are likely to take, within reasonable bounds."""
        estimate = tokens * self._seconds / self._tokens if self._tokens else _FIRST_GUESS
        return min(max(estimate, _SHORTEST_WAIT), _LONGEST_WAIT)
