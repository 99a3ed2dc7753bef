"""From a folder of pictures to a model: datasets, the training loop, experiments."""
