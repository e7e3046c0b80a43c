"""The page's own arithmetic agrees with torch, and the programs it hands out run and print the same numbers."""

import ast
import subprocess
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from page_scripts import needs_node, run_script, stage_modules
from polyglass.model.attention import scaled_dot_product_attention
from polyglass.model.norms import BatchNorm
from polyglass.model.rotary import rotate

pytestmark = needs_node
# The page computes in float64 from float32 numbers; what is left is torch's rounding.
ROUNDING = 1e-5
# The programs print six decimals.
PRINTED = 2e-6

KEYS, D_K, D_MODEL, HEADS = 7, 8, 24, 3


def test_the_pages_own_tests_pass(tmp_path: Path) -> None:
    stage_modules(tmp_path)
    done = subprocess.run(["node", "--test"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_row_of_attention_is_the_models(tmp_path: Path) -> None:
    torch.manual_seed(1)
    q, k, v = 3 * torch.randn(D_K), torch.randn(KEYS, D_K), torch.randn(KEYS, D_K)
    visible = torch.tensor([True, True, False, True, True, False, True])
    expected = scaled_dot_product_attention(
        q.view(1, 1, 1, D_K), k[None, None], v[None, None], visible.view(1, 1, 1, KEYS), dropout=0.0
    )
    script = """
import { dot, mix, rowOf, softmaxRow } from "./arithmetic.js";
const k = { shape: [given.k.length, given.q.length], data: given.k.flat() };
const v = { shape: k.shape, data: given.v.flat() };
const score = (j) => dot(given.q, rowOf(k, j)) / Math.sqrt(given.q.length);
const scores = given.visible.map((seen, j) => (seen ? score(j) : -Infinity));
const { weights } = softmaxRow(scores);
answer = { weights: [...weights], z: [...mix(weights, v)] };
"""
    given = {"q": q.tolist(), "k": k.tolist(), "v": v.tolist(), "visible": visible.tolist()}
    answer = run_script(tmp_path, script, given)
    scores = (k @ q / D_K**0.5).masked_fill(~visible, -torch.inf)
    torch.testing.assert_close(torch.tensor(answer["weights"]), scores.softmax(0), atol=ROUNDING, rtol=0)
    torch.testing.assert_close(torch.tensor(answer["z"]), expected.flatten(), atol=ROUNDING, rtol=0)


def test_norms_activations_and_rotation_are_torchs(tmp_path: Path) -> None:
    torch.manual_seed(2)
    x, scale, shift = 2 * torch.randn(D_MODEL) + 1, torch.randn(D_MODEL), torch.randn(D_MODEL)
    batch = BatchNorm(D_MODEL).eval()
    batch.running_mean, batch.running_var = torch.randn(D_MODEL), torch.rand(D_MODEL) + 0.1
    batch.weight.data, batch.bias.data = scale, shift
    script = """
import { batchNorm, gelu, layerNorm, relu, rmsNorm, rotate, silu } from "./arithmetic.js";
answer = {
  layer: [...layerNorm(given.x, given.scale, given.shift).result],
  rms: [...rmsNorm(given.x, given.scale).result],
  batch: [...batchNorm(given.x, given.scale, given.shift, given).result],
  rotated: [...rotate(given.x, 5)],
  relu: given.x.map(relu), gelu: given.x.map(gelu), silu: given.x.map(silu),
};
"""
    given = {
        "x": x.tolist(),
        "scale": scale.tolist(),
        "shift": shift.tolist(),
        "mean": batch.running_mean.tolist(),
        "variance": batch.running_var.tolist(),
    }
    expected = {
        "layer": F.layer_norm(x, (D_MODEL,), scale, shift),
        "rms": F.rms_norm(x, (D_MODEL,), scale, eps=1e-5),
        "batch": batch(x.view(1, 1, -1)).flatten(),
        "rotated": rotate(x.view(1, 1, 1, -1), 5).flatten(),
        "relu": F.relu(x),
        "gelu": F.gelu(x),
        "silu": F.silu(x),
    }
    answer = run_script(tmp_path, script, given)
    for name, tensor in expected.items():
        torch.testing.assert_close(torch.tensor(answer[name]), tensor, atol=ROUNDING, rtol=0, msg=name)


def _steps() -> tuple[dict[str, object], dict[str, dict[str, Tensor]]]:
    """Return one step of every kind, and what its program must print."""
    torch.manual_seed(3)
    q, k, v = torch.randn(D_K), torch.randn(KEYS, D_K), torch.randn(KEYS, D_K)
    visible = torch.tensor([True, True, True, True, False, False, True])
    scores = (k @ q / D_K**0.5).masked_fill(~visible, -torch.inf)
    queries = torch.randn(KEYS, D_K)
    causal = (queries @ k.T / D_K**0.5).masked_fill(torch.ones(KEYS, KEYS).tril() == 0, -torch.inf)
    x, sublayer, column, hidden = torch.randn(D_MODEL), torch.randn(D_MODEL), torch.randn(D_MODEL), torch.randn(D_MODEL)
    scale, shift, mean, variance = (
        torch.randn(D_MODEL),
        torch.randn(D_MODEL),
        torch.randn(D_MODEL),
        torch.rand(D_MODEL) + 0.5,
    )
    norm = {"x": x, "sublayer": sublayer, "scale": scale, "shift": shift, "eps": 1e-5}
    total = x + sublayer
    batch = F.batch_norm(total[None], mean, variance, scale, shift, eps=1e-5)[0]
    steps = {
        "projection": {"x": x, "column": column, "bias": 0.25, "name": "q"},
        "attention": {"q": q, "keys": k, "values": v, "visible": visible},
        "unscaled": {"kind": "attention", "q": q, "keys": k, "values": v, "visible": visible, "scaled": False},
        "head": {"queries": queries, "keys": k, "causal": True},
        "concat": {"concat": x, "column": column, "bias": None, "heads": HEADS},
        "layer": norm,
        "layer pre": {**norm, "kind": "layer", "normFirst": True},
        "rms": {**norm, "shift": None},
        "batch": {**norm, "mean": mean, "variance": variance},
        "feed_forward": {"hidden": hidden.relu(), "column": column, "bias": -0.5},
    }
    printed = {
        "projection": {"q": x @ column + 0.25},
        "attention": {"scores": scores, "weights": scores.softmax(0), "z": scores.softmax(0) @ v},
        "unscaled": {"weights": (scores * D_K**0.5).softmax(0)},
        "head": {"weights": causal.softmax(1)[-1]},
        "concat": {"shares": (x * column).view(HEADS, -1).sum(1), "output": x @ column},
        "layer": {"residual": total, "norm": F.layer_norm(total, (D_MODEL,), scale, shift)},
        "layer pre": {"residual": total, "norm": F.layer_norm(x, (D_MODEL,), scale, shift)},
        "rms": {"norm": F.rms_norm(total, (D_MODEL,), scale, eps=1e-5)},
        "batch": {"norm": batch},
        "feed_forward": {"zeros": (hidden <= 0).sum().float(), "output": hidden.relu() @ column - 0.5},
    }
    return steps, printed


def _plain(value: object) -> object:
    if not isinstance(value, Tensor):
        return value
    if value.dim() == 2:
        return {"shape": list(value.shape), "data": value.flatten().tolist()}
    return value.tolist()


@pytest.mark.parametrize("language", ["numpy", "pytorch"])
def test_a_copied_program_runs_and_prints_the_shown_numbers(tmp_path: Path, language: str) -> None:
    if language == "numpy":
        pytest.importorskip("numpy")
    steps, printed = _steps()
    given = [
        {"kind": name, "title": f"step {name}", "lines": ['a "hostile"\nimport os\u2028\r# line'], **step}
        for name, step in ((name, {key: _plain(value) for key, value in step.items()}) for name, step in steps.items())
    ]
    script = f'import {{ snippet }} from "./snippets.js";\nanswer = given.map((step) => snippet(step, "{language}"));'
    for name, program in zip(steps, run_script(tmp_path, script, given), strict=True):
        shown = _run(program)
        for word, expected in printed[name].items():
            torch.testing.assert_close(
                torch.tensor(shown[word]), torch.atleast_1d(expected), atol=PRINTED, rtol=0, msg=f"{name}: {word}"
            )


def _run(program: str) -> dict[str, list[float]]:
    """Run a program with nothing but its own names, and return the last list that it printed under each name.

    That it runs in a process of its own is tested where it is copied from the page.
    """
    with redirect_stdout(StringIO()) as output:
        exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    shown = {}
    for line in output.getvalue().splitlines():
        name, numbers = line.split(" ", 1)
        shown[name] = ast.literal_eval(numbers.replace("-inf", "-1e999"))
    return shown


def test_a_float32_is_written_so_that_it_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(4)
    numbers = torch.cat([torch.randn(2000), torch.randn(2000) * 1e-8, torch.randn(2000) * 1e12]).tolist()
    script = """
import { python } from "./snippets.js";
answer = given.map((x) => python(x, {}));
"""
    written = run_script(tmp_path, script, numbers)
    assert torch.tensor([float(text) for text in written]).tolist() == numbers
    assert max(map(len, written)) <= 16
