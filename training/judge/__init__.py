"""Soft judgements of the corpus: `python -m training.judge rows.jsonl`.

A judge, the pair model or any chat endpoint, is shown each pair of texts of a row without its label
and says how probable each relation is, or how relevant a passage is. Where it would have chosen
another label a person is to look; the probabilities serve as soft labels (`scores.read_scores`).
"""
