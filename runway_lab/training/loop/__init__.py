"""The training loop, the only place of `training/` that knows torch."""
