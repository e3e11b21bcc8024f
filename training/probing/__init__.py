"""Probes of an encoder on the dev rows: what its figures for negation rest on.

Like the dev tasks, a probe takes an `Encode` and knows nothing of what is behind it.
"""
