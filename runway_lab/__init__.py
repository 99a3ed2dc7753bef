"""Find, run and train image models in Jupyter, on your own machine.

>>> import runway_lab as rl
>>> rl.__version__.count(".")
2
"""

from __future__ import annotations

__version__ = "0.1.0"
