"""Experiments on disk, and what can be made of them."""
