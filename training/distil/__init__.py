"""Training rows from a language model: `python -m training.distil experiment.toml`.

Any endpoint that speaks OpenAI's chat protocol is asked for rows, one prompt a kind of row. Every
reply is kept in the run's ledger (`replies.jsonl`) before it is looked at; rows and rejections are
derived from the ledger anew at each start, so a run that was stopped goes on without paying twice,
and rules that were mended apply to what was paid for earlier.
"""
