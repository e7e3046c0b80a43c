"""What `compare` takes where nobody says otherwise. Light: a help page must not wait for torch."""

from typing import Literal

Equal = Literal["time", "steps", "parameters"]
EQUALS: tuple[Equal, ...] = ("time", "steps", "parameters")
MODELS = "rnn,lstm,lstm+attention,transformer"
BUDGET = "5m"  # of training, for each run
SEEDS = 3
