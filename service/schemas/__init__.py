"""What each route family reads and writes, as pydantic models.

The models check shape and type. Limits that an operator sets, and what only the model knows
(lengths, prompts, dimensions), are checked behind them.
"""
