"""From your pictures to a model of your own.

`drawn` draws pictures to try things with, `datasets` prepares a person's own, `loop` is the training itself (which
needs torch, in a process of its own), `measures` says how good the result is, `experiments` keeps a training in a
folder of its own, in a process that outlives the page.
"""
