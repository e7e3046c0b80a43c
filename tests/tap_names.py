"""Every name that the model offers to a tap, with its shape: `python tests/tap_names.py` prints the golden file.

Write it anew with:  python tests/tap_names.py > tests/goldens/tap_names.txt
"""

import subprocess

import torch

from polyglass._version import __version__
from polyglass.config import RecurrentConfig, TransformerConfig
from polyglass.model.build import build_model
from polyglass.model.seq2seq import Seq2Seq
from polyglass.special_ids import SpecialIds
from polyglass.tap import Recorder

COMMAND = "python tests/tap_names.py > tests/goldens/tap_names.txt"
# Every length is another number, so that a size tells its letter.
LETTERS = {3: "B", 6: "S", 7: "T", 20: "D", 2: "H", 10: "K", 24: "F", 23: "V", 1: "1"}


def named_shapes(**changes: object) -> dict[str, str]:
    """Return path -> shape in letters, in the order of the forward pass, for a model with one layer in each stack."""
    options = {"d_model": 20, "num_heads": 2, "d_ff": 24, "encoder_layers": 1, "decoder_layers": 1, **changes}
    return shapes_in_letters(build_model(TransformerConfig.model_validate(options), (23, 23), SpecialIds()))


def recurrent_shapes(family: str, **changes: object) -> dict[str, str]:
    """Return the same for an RNN, GRU or LSTM, by default with additive attention."""
    options = {"family": family, "d_model": 20, "attention": "additive", **changes}
    return shapes_in_letters(build_model(RecurrentConfig.model_validate(options), (23, 23), SpecialIds()))


def shapes_in_letters(model: Seq2Seq) -> dict[str, str]:
    """Return path -> shape in letters, in the order of the forward pass."""
    model.eval()
    recorder = Recorder()
    with torch.no_grad():
        model(torch.full((3, 6), 5), torch.full((3, 7), 5), tap=recorder)
    return {path: " ".join(LETTERS[size] for size in tensor.shape) for path, tensor in recorder.tensors.items()}


def sections() -> dict[str, dict[str, str]]:
    """Return title -> names of each section of the golden file."""
    recurrent = {f"{family} (with additive attention)": recurrent_shapes(family) for family in ("rnn", "gru", "lstm")}
    return {"transformer": named_shapes(), **recurrent}


def golden() -> str:
    """Return the text of the golden file."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    lines = [
        "# What each family of models offers to a tap: path and shape, in the order of the forward pass (one layer a "
        "stack).",
        "# B batch, S source length, T target length, D d_model, H heads, K d_k, F d_ff, V target vocabulary.",
        f"# Command: {COMMAND}",
        f"# Commit: {commit.stdout.strip() or 'none'}; polyglass {__version__}, torch {torch.__version__}",
    ]
    for title, names in sections().items():
        lines += ["", f"[{title}]", *(f"{path}  {shape}" for path, shape in names.items())]
    return "\n".join(lines)


if __name__ == "__main__":
    print(golden())
