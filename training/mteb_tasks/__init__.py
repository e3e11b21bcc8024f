"""Tasks of the `mteb` package for any encoder that can be named, and two made from our dev rows.

Needs `pip install '.[mteb]'`; nothing outside this folder and its stage imports `mteb`.
"""
