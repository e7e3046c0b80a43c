// One sub-layer and what goes around it, for one word: x, what was computed, the sum, the norm with its gain and shift.

import { batchNorm, layerNorm, maxDifference, rmsNorm } from "./arithmetic.js";
import { placed } from "./first_word.js";
import { clamp } from "./numbers.js";
import { isPre, streamBefore } from "./place.js";

export const EPS = 1e-5; // as in the model
const PATHS = {
  "encoder.attention": ["encoder", "self_attention"], "encoder.ffn": ["encoder", "feed_forward"], "decoder.attention": ["decoder", "self_attention"],
  "decoder.cross": ["decoder", "cross_attention"], "decoder.ffn": ["decoder", "feed_forward"],
};
export const SUBLAYERS = Object.keys(PATHS);

/** Which sub-layer the state means, and where it stands. */
export function sublayerOf(c) {
  const own = { encoder: "encoder.attention", decoder: "decoder.attention", cross: "decoder.cross" }[c.kind];
  const name = c.state.sub in PATHS ? c.state.sub : c.state.part ? `${c.state.part}.ffn` : own;
  const [stack, module] = PATHS[name in PATHS ? name : own];
  const layer = clamp(c.state.layer, 0, (stack === "encoder" ? c.sizes.N_encoder : c.sizes.N_decoder) - 1);
  const tokens = stack === "encoder" ? c.sourceTokens : c.inputTokens;
  return {
    name: name in PATHS ? name : own, stack, layer, path: `${stack}.layers.${layer}.${module}`, ffn: `${stack}.layers.${layer}.feed_forward`, tokens,
    i: placed(c.state.i, tokens),
  };
}

/** The paths that `sublayerNumbers` reads. */
export function sublayerNeeds(c) {
  const { path } = sublayerOf(c);
  const around = `${path}_residual`;
  const more = { layer: ["bias"], rms: [], batch: ["bias", "running_mean", "running_var"] }[c.model.config.norm];
  return [streamBefore(c, path), `${path}.output`, `${around}.residual`, `${around}.norm`, ...["weight", ...more].map((name) => `${around}.norm.${name}`)];
}

/** The numbers of the chosen word, recorded and repeated; differences: how far the two are apart. */
export function sublayerNumbers(c) {
  const { path, i } = sublayerOf(c);
  const around = `${path}_residual`;
  const all = c.tensor(streamBefore(c, path));
  const [x, f, residual, norm] = [all, ...[`${path}.output`, `${around}.residual`, `${around}.norm`].map((name) => c.tensor(name))].map((tensor) => tensor.row(i));
  const gamma = c.tensor(`${around}.norm.weight`).data;
  const beta = c.has(`${around}.norm.bias`) ? c.tensor(`${around}.norm.bias`).data : null;
  const sum = Float64Array.from(x, (value, index) => value + f[index]);
  const goesIn = isPre(c) ? x : sum;
  const running = c.model.config.norm === "batch" ? { mean: c.tensor(`${around}.norm.running_mean`).data, variance: c.tensor(`${around}.norm.running_var`).data, eps: EPS } : null;
  const repeated = normalise(c.model.config.norm, goesIn, { gamma, beta, running });
  return {
    x, f, residual, norm, gamma, beta, sum, goesIn, repeated, running, pre: isPre(c),
    before: isPre(c) ? all : c.tensor(`${around}.residual`),
    differences: { sum: maxDifference(sum, residual), norm: maxDifference(repeated.result, norm) },
  };
}

/** One vector through one of the three norms. */
export function normalise(kind, x, { gamma, beta, running }) {
  if (kind === "rms") return rmsNorm(x, gamma, EPS);
  if (kind === "batch") return batchNorm(x, gamma, beta ?? new Float32Array(x.length), running);
  return layerNorm(x, gamma, beta, EPS);
}
