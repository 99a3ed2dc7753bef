"""Your pictures become a model: datasets, the training loop, experiments on disk, measures of quality.

Each part is a room of its own. Only the loop, in the process that trains, needs torch; everything that looks at an
experiment from outside is NumPy, Pillow and PyAV.
"""
