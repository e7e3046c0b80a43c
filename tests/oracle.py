"""The equations of Vaswani et al. 2017 in numpy and float64, with loops: slow, plain, and independent of polyglass.

One sentence at a time, without padding, so that nothing here knows a mask for padding; no line is shared with the
package. Weights are the arrays of a Transformer's state dict, by name. Where polyglass offers more than the paper
(pre-norm, RMS and batch norm, other activations, learned and rotary positions) the equation of the paper that
proposed it is written out as well. Vectors are rows: a sentence is [length, d_model].
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
EPSILON = 1e-5  # added to variances; the papers name none, this is the usual one


@dataclass(frozen=True)
class Transformer:
    """Weights and the few facts that the shapes of weights do not tell."""

    weights: Mapping[str, Array]
    num_heads: int
    encoder_layers: int
    decoder_layers: int
    activation: str = "relu"
    norm: str = "layer"
    norm_place: str = "post"
    positions: str = "sinusoidal"

    def logits(self, source: list[int], target_in: list[int]) -> Array:
        """Score every target word after each token of `target_in`: [T, V] (figure 1)."""
        return self.decode(target_in, self.encode(source)) @ self.weights["output.weight"].T

    def encode(self, source: list[int]) -> Array:
        """Return the encoder's vector for each source token (figure 1, left)."""
        x = self._embed("source_embedding", "encoder", source)
        everything = np.ones((len(source), len(source)), dtype=bool)
        for index in range(self.encoder_layers):
            name = f"encoder.layers.{index}"
            x = self._residual(x, f"{name}.self_attention", lambda y, n: self._attend(n, y, y, everything))
            x = self._residual(x, f"{name}.feed_forward", lambda y, n: self._feed_forward(n, y))
        return self._norm("encoder.norm", x) if self.norm_place == "pre" else x

    def decode(self, target_in: list[int], memory: Array) -> Array:
        """Return the decoder's vector for each target token (figure 1, right)."""
        x = self._embed("target_embedding", "decoder", target_in)
        past = np.array([[s <= t for s in range(len(target_in))] for t in range(len(target_in))])
        everything = np.ones((len(target_in), len(memory)), dtype=bool)
        for index in range(self.decoder_layers):
            name = f"decoder.layers.{index}"
            x = self._residual(x, f"{name}.self_attention", lambda y, n: self._attend(n, y, y, past))
            x = self._residual(x, f"{name}.cross_attention", lambda y, n: self._attend(n, y, memory, everything))
            x = self._residual(x, f"{name}.feed_forward", lambda y, n: self._feed_forward(n, y))
        return self._norm("decoder.norm", x) if self.norm_place == "pre" else x

    def _embed(self, embedding: str, stack: str, tokens: list[int]) -> Array:
        """§3.4: look up and multiply by sqrt(d_model); §3.5: add the positions."""
        table = self.weights[f"{embedding}.weight"]
        d_model = table.shape[1]
        x = np.array([table[token] * math.sqrt(d_model) for token in tokens])
        if self.positions == "sinusoidal":
            return x + sinusoids(len(tokens), d_model)
        if self.positions == "learned":
            return x + self.weights[f"{stack}.positions.weight"][: len(tokens)]
        return x

    def _residual(self, x: Array, name: str, sublayer) -> Array:  # type: ignore[no-untyped-def]
        """§5.4: LayerNorm(x + Sublayer(x)); pre-norm (Xiong et al. 2020): x + Sublayer(LayerNorm(x))."""
        norm = f"{name}_residual.norm"
        if self.norm_place == "pre":
            return x + sublayer(self._norm(norm, x), name)
        return self._norm(norm, x + sublayer(x, name))

    def _norm(self, name: str, x: Array) -> Array:
        gain = self.weights[f"{name}.weight"]
        rows = []
        for token in x:
            if self.norm == "layer":  # Ba et al. 2016, eq. 3
                normal = (token - token.mean()) / math.sqrt(((token - token.mean()) ** 2).mean() + EPSILON)
            elif self.norm == "rms":  # Zhang and Sennrich 2019, eq. 4
                normal = token / math.sqrt((token**2).mean() + EPSILON)
            else:  # Ioffe and Szegedy 2015, algorithm 2: in use, the statistics of training are constants
                mean, variance = self.weights[f"{name}.running_mean"], self.weights[f"{name}.running_var"]
                normal = (token - mean) / np.sqrt(variance + EPSILON)
            rows.append(gain * normal + (0 if self.norm == "rms" else self.weights[f"{name}.bias"]))
        return np.array(rows)

    def _linear(self, name: str, x: Array) -> Array:
        y = x @ self.weights[f"{name}.weight"].T
        return y + self.weights[f"{name}.bias"] if f"{name}.bias" in self.weights else y

    def _attend(self, name: str, x: Array, other: Array, visible: NDArray[np.bool_]) -> Array:
        """§3.2.2: MultiHead(Q, K, V) = Concat(head_1 ... head_h) W^O, head by head."""
        q, k, v = self._linear(f"{name}.w_q", x), self._linear(f"{name}.w_k", other), self._linear(f"{name}.w_v", other)
        d_k = q.shape[1] // self.num_heads
        heads = []
        for head in range(self.num_heads):
            part = slice(head * d_k, (head + 1) * d_k)
            q_head, k_head = q[:, part], k[:, part]
            if self.positions == "rotary" and "self_attention" in name:
                q_head, k_head = rotated(q_head), rotated(k_head)
            heads.append(attention(q_head, k_head, v[:, part], visible))
        return self._linear(f"{name}.w_o", np.concatenate(heads, axis=1))

    def _feed_forward(self, name: str, x: Array) -> Array:
        """§3.3, eq. 2: max(0, x W_1 + b_1) W_2 + b_2, token by token."""
        function = ACTIVATIONS[self.activation]
        rows = []
        for token in x:
            hidden = [function(number) for number in self._linear(f"{name}.w_1", token)]
            rows.append(self._linear(f"{name}.w_2", np.array(hidden)))
        return np.array(rows)


def attention(q: Array, k: Array, v: Array, visible: NDArray[np.bool_]) -> Array:
    """§3.2.1, eq. 1: softmax(Q K^T / sqrt(d_k)) V, query by query; q [T, K], k and v [S, K], visible [T, S]."""
    rows = []
    for t in range(len(q)):
        seen = [s for s in range(len(k)) if visible[t, s]]
        scores = [float(q[t] @ k[s]) / math.sqrt(q.shape[1]) for s in seen]
        highest = max(scores, default=0.0)
        powers = [math.exp(score - highest) for score in scores]
        mixed = np.zeros(v.shape[1])
        for s, power in zip(seen, powers, strict=True):
            mixed += power / sum(powers) * v[s]
        rows.append(mixed)
    return np.array(rows)


def sinusoids(length: int, d_model: int) -> Array:
    """§3.5: PE(pos, 2i) = sin(pos / 10000^(2i/d_model)), PE(pos, 2i+1) = cos(pos / 10000^(2i/d_model))."""
    table = np.zeros((length, d_model))
    for pos in range(length):
        for i in range(d_model // 2):
            angle = pos / 10000 ** (2 * i / d_model)
            table[pos, 2 * i] = math.sin(angle)
            table[pos, 2 * i + 1] = math.cos(angle)
    return table


def rotated(x: Array) -> Array:
    """Su et al. 2021, eq. 15: pair i at position m is multiplied with the 2 x 2 rotation by m 10000^(-2i/d)."""
    length, d = x.shape
    result = np.zeros_like(x)
    for m in range(length):
        for i in range(d // 2):
            angle = m * 10000 ** (-2 * i / d)
            turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
            result[m, 2 * i : 2 * i + 2] = turn @ x[m, 2 * i : 2 * i + 2]
    return result


def relu(x: float) -> float:
    """max(0, x)."""
    return max(0.0, x)


def gelu(x: float) -> float:
    """Hendrycks and Gimpel 2016: x times the share of a standard normal below x."""
    return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))


def silu(x: float) -> float:
    """Elfwing et al. 2017: x times its logistic function."""
    return x / (1 + math.exp(-x))


ACTIVATIONS = {"relu": relu, "gelu": gelu, "silu": silu}
