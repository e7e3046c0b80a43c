// Rows of numbers in, the paper's equations out: the page's own recomputation, next to which PyTorch's numbers stand.
// Nothing here draws or fetches. A row is any array of numbers; a matrix is {shape: [rows, columns], data}, row by row.

/** Return row `index` of a matrix, without a copy where the data allow it. */
export function rowOf(matrix, index) {
  const width = matrix.shape.at(-1);
  return matrix.data.subarray
    ? matrix.data.subarray(index * width, (index + 1) * width)
    : matrix.data.slice(index * width, (index + 1) * width);
}

/** Return a · b. Throws RangeError if their lengths differ. */
export function dot(a, b) {
  sameLength(a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
}

/** Spell a · b out: the first `count` products as {index, a, b, product}, the sum of all others, and the whole sum. */
export function dotSpelled(a, b, count = 4) {
  sameLength(a, b);
  const terms = [];
  let others = 0;
  for (let i = 0; i < a.length; i += 1) {
    if (i < count) terms.push({ index: i, a: a[i], b: b[i], product: a[i] * b[i] });
    else others += a[i] * b[i];
  }
  const shown = terms.reduce((sum, term) => sum + term.product, 0);
  return { terms, hidden: Math.max(0, a.length - count), others, sum: shown + others };
}

/** Return x Wᵀ + bias, as a linear layer computes it. weight [outputs, inputs]; bias [outputs] or null. */
export function rowTimesMatrix(x, weight, bias = null) {
  const [outputs] = weight.shape;
  return Float64Array.from({ length: outputs }, (_, o) => dot(x, rowOf(weight, o)) + (bias ? bias[o] : 0));
}

/** Return softmax of one row in its three steps: the largest score, exp(score - largest), their sum, the weights.
 *  A score of -∞ gets weight 0; a row of nothing but -∞ gets zeros, as in the model. */
export function softmaxRow(scores) {
  let largest = -Infinity;
  for (const score of scores) largest = Math.max(largest, score);
  const exps = Float64Array.from(scores, (score) => (largest === -Infinity ? 0 : Math.exp(score - largest)));
  const sum = total(exps);
  return { largest, exps, sum, weights: exps.map((e) => (sum === 0 ? 0 : e / sum)) };
}

/** Return Σ_j weights[j] · rows[j] for a matrix of as many rows as there are weights. */
export function mix(weights, values) {
  if (weights.length !== values.shape[0]) throw new RangeError("one weight for each row of values");
  const out = new Float64Array(values.shape[1]);
  for (let j = 0; j < weights.length; j += 1) {
    const row = rowOf(values, j);
    for (let c = 0; c < out.length; c += 1) out[c] += weights[j] * row[c];
  }
  return out;
}

/** Turn each pair (x_2i, x_2i+1) by position / 10000^(2i / d): rotary positions (Su et al. 2021, §3.2). */
export function rotate(x, position) {
  const out = Float64Array.from(x);
  for (let i = 0; i + 1 < x.length; i += 2) {
    const angle = position / 10000 ** (i / x.length);
    out[i] = x[i] * Math.cos(angle) - x[i + 1] * Math.sin(angle);
    out[i + 1] = x[i] * Math.sin(angle) + x[i + 1] * Math.cos(angle);
  }
  return out;
}

/** Normalise one token across its features: mean 0, variance 1, then scale and shift (Ba et al. 2016). */
export function layerNorm(x, scale, shift, eps = 1e-5) {
  const { mean, variance } = moments(x);
  const normalised = Float64Array.from(x, (value) => (value - mean) / Math.sqrt(variance + eps));
  return { mean, variance, normalised, result: normalised.map((n, i) => n * scale[i] + (shift ? shift[i] : 0)) };
}

/** Scale one token to root mean square 1 across its features, without moving its mean (Zhang and Sennrich 2019). */
export function rmsNorm(x, scale, eps = 1e-5) {
  const square = dot(x, x) / x.length;
  const normalised = Float64Array.from(x, (value) => value / Math.sqrt(square + eps));
  return { square, normalised, result: normalised.map((n, i) => n * scale[i]) };
}

/** Normalise each feature with the running mean and variance of training (Ioffe and Szegedy 2015, in evaluation). */
export function batchNorm(x, scale, shift, { mean, variance, eps = 1e-5 }) {
  const normalised = Float64Array.from(x, (value, i) => (value - mean[i]) / Math.sqrt(variance[i] + eps));
  return { normalised, result: normalised.map((n, i) => n * scale[i] + shift[i]) };
}

export const relu = (x) => Math.max(0, x);
export const silu = (x) => x / (1 + Math.exp(-x));
export const gelu = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** Return the error function to 1.2e-7 (Numerical Recipes, §6.2: a Chebyshev fit of erfc). */
export function erf(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const fit = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
    1.00002368, -1.26551223].reduce((sum, c) => sum * t + c, 0);
  const erfc = t * Math.exp(-x * x + fit);
  return x >= 0 ? 1 - erfc : erfc - 1;
}

/** Return the largest |a_i - b_i|. Equal infinities differ by 0; anything against NaN is Infinity, never "equal". */
export function maxDifference(a, b) {
  sameLength(a, b);
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) {
    if (a[i] === b[i]) continue;
    const difference = Math.abs(a[i] - b[i]);
    largest = Number.isNaN(difference) ? Infinity : Math.max(largest, difference);
  }
  return largest;
}

/** Return Σ x_i. */
export function total(x) {
  let sum = 0;
  for (const value of x) sum += value;
  return sum;
}

/** Return mean and (biased) variance of a row. */
export function moments(x) {
  const mean = total(x) / x.length;
  let variance = 0;
  for (const value of x) variance += (value - mean) ** 2;
  return { mean, variance: variance / x.length };
}

/** Return the Euclidean length of a row. */
export const vectorLength = (x) => Math.sqrt(dot(x, x));

/** Return the place of the largest number; the first of equals. */
export function argmax(x) {
  let best = 0;
  for (let i = 1; i < x.length; i += 1) if (x[i] > x[best]) best = i;
  return best;
}

/** Return the places of the `count` largest numbers, largest first. */
export function topPlaces(x, count) {
  return Array.from(x, (_, i) => i).sort((a, b) => x[b] - x[a] || a - b).slice(0, count);
}

/** Return -Σ p log2 p in bits: 0 for one sharp look, log2(n) for an even look at n words. */
export function entropy(weights) {
  let bits = 0;
  for (const p of weights) if (p > 0) bits -= p * Math.log2(p);
  return bits;
}

/** Join the columns (and rows) of a weight matrix from subwords to words. spans: [[start, end), ...].
 *  Weights received by the pieces of a word are added; rows of its pieces are averaged, so rows still sum to 1. */
export function mergeWords(matrix, rowSpans, columnSpans) {
  const data = new Float32Array(rowSpans.length * columnSpans.length);
  rowSpans.forEach(([top, bottom], r) => {
    columnSpans.forEach(([left, right], c) => {
      let sum = 0;
      for (let i = top; i < bottom; i += 1) {
        for (let j = left; j < right; j += 1) sum += matrix.data[i * matrix.shape[1] + j];
      }
      data[r * columnSpans.length + c] = sum / (bottom - top);
    });
  });
  return { shape: [rowSpans.length, columnSpans.length], data };
}

/** Join several matrices of one shape cell by cell: "average" or "max". */
export function pool(matrices, how) {
  const data = new Float32Array(matrices[0].data.length);
  for (let i = 0; i < data.length; i += 1) {
    const cells = matrices.map((matrix) => matrix.data[i]);
    data[i] = how === "max" ? Math.max(...cells) : total(cells) / cells.length;
  }
  return { shape: matrices[0].shape, data };
}

/** Multiply two matrices. */
export function matmul(a, b) {
  const [rows, inner] = a.shape;
  const columns = b.shape[1];
  if (b.shape[0] !== inner) throw new RangeError(`cannot multiply ${a.shape} by ${b.shape}`);
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i += 1) {
    for (let k = 0; k < inner; k += 1) {
      const factor = a.data[i * inner + k];
      if (factor === 0) continue;
      for (let j = 0; j < columns; j += 1) data[i * columns + j] += factor * b.data[k * columns + j];
    }
  }
  return { shape: [rows, columns], data };
}

/** Attention rollout (Abnar and Zuidema 2020, §3): each layer's mean weights, half of them the residual's identity,
 *  multiplied from the lowest layer up. Assumes that half of every vector comes through the residual. */
export function rollout(layers) {
  return layers
    .map((layer) => {
      const width = layer.shape[1];
      const data = Float32Array.from(layer.data, (w, i) => w / 2 + (Math.floor(i / width) === i % width ? 0.5 : 0));
      return { shape: layer.shape, data };
    })
    .reduce((below, layer) => matmul(layer, below));
}

/** Return Spearman's rank correlation of two rows, ties sharing their mean rank; NaN if one of them is constant. */
export function rankCorrelation(a, b) {
  sameLength(a, b);
  const x = ranks(a);
  const y = ranks(b);
  const middle = (a.length + 1) / 2;
  let both = 0;
  let inX = 0;
  let inY = 0;
  for (let i = 0; i < x.length; i += 1) {
    both += (x[i] - middle) * (y[i] - middle);
    inX += (x[i] - middle) ** 2;
    inY += (y[i] - middle) ** 2;
  }
  return both / Math.sqrt(inX * inY);
}

function ranks(x) {
  const order = Array.from(x, (_, i) => i).sort((a, b) => x[a] - x[b]);
  const out = new Float64Array(x.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end + 1 < order.length && x[order[end + 1]] === x[order[start]]) end += 1;
    for (let i = start; i <= end; i += 1) out[order[i]] = (start + end) / 2 + 1;
    start = end + 1;
  }
  return out;
}

function sameLength(a, b) {
  if (a.length !== b.length) throw new RangeError(`rows of ${a.length} and ${b.length} numbers do not fit`);
}
