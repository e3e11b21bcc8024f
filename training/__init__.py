"""Training of the Litotes models, as stages that read files and write files.

Each stage runs as `python -m training.<stage> experiment.toml` and leaves its figures as JSON.
The service never imports this package; the border between the two is the model folder.
"""
