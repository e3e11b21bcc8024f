"""What `training.audit` looks for in a corpus, one question a module."""
