// Small arithmetic on vectors, in float64. Nothing here knows the page.

/** A tensor as it came from the model: shape, and numbers in row-major order. Slices share the numbers. */
export class Tensor {
  constructor(shape, data, path = "", pooled = false) {
    this.shape = shape;
    this.data = data;
    this.path = path;
    this.pooled = pooled;
    this.strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  }

  get rank() {
    return this.shape.length;
  }

  /** The number at these indexes. */
  at(...indexes) {
    return this.data[indexes.reduce((sum, index, axis) => sum + index * this.strides[axis], 0)];
  }

  /** What lies under the first indexes: a tensor of lower rank. */
  slice(...indexes) {
    const from = indexes.reduce((sum, index, axis) => sum + index * this.strides[axis], 0);
    const rest = this.shape.slice(indexes.length);
    return new Tensor(rest, this.data.subarray(from, from + product(rest)), this.path, this.pooled);
  }

  /** The numbers under the first indexes, flat. */
  row(...indexes) {
    return this.slice(...indexes).data;
  }

  /** All rows of a matrix as arrays. */
  rows() {
    return Array.from({ length: this.shape[0] }, (_, index) => this.row(index));
  }
}

/** A tensor from rows of numbers. */
export function tensorOf(rows) {
  const width = rows.length ? rows[0].length : 0;
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, index) => data.set(row, index * width));
  return new Tensor([rows.length, width], data);
}

export function product(shape) {
  return shape.reduce((a, b) => a * b, 1);
}

export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

export function norm(a) {
  return Math.sqrt(dot(a, a));
}

/** The cosine of the angle between two vectors; 0 where one of them has no length. */
export function cosine(a, b) {
  const lengths = norm(a) * norm(b);
  return lengths ? dot(a, b) / lengths : 0;
}

export function sum(a) {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i];
  return total;
}

export function mean(a) {
  return a.length ? sum(a) / a.length : 0;
}

export function variance(a) {
  const middle = mean(a);
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] - middle) ** 2;
  return a.length ? total / a.length : 0;
}

/** Smallest and largest finite number. */
export function extent(a) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < a.length; i++) {
    if (!Number.isFinite(a[i])) continue;
    if (a[i] < low) low = a[i];
    if (a[i] > high) high = a[i];
  }
  return low > high ? [0, 0] : [low, high];
}

/** The largest finite absolute value. */
export function largest(a) {
  const [low, high] = extent(a);
  return Math.max(Math.abs(low), Math.abs(high));
}

export function argmax(a) {
  let best = 0;
  for (let i = 1; i < a.length; i++) if (a[i] > a[best]) best = i;
  return best;
}

/** The indexes of the k largest numbers, largest first; equal ones in their order. */
export function topK(a, k) {
  return Array.from(a.keys()).sort((x, y) => a[y] - a[x] || x - y).slice(0, k);
}

/** Probabilities from scores; a row that may see nothing (all -inf) gives zeros, as the model does. */
export function softmax(a, temperature = 1) {
  const high = Math.max(...a) / temperature;
  if (high === -Infinity) return Array.from(a, () => 0);
  const powers = Array.from(a, (x) => Math.exp(x / temperature - high));
  const total = sum(powers);
  return powers.map((x) => x / total);
}

/** Shannon's entropy in bits. */
export function entropy(a) {
  let total = 0;
  for (let i = 0; i < a.length; i++) if (a[i] > 0) total -= a[i] * Math.log2(a[i]);
  return total;
}

export function clamp(x, low, high) {
  return Math.min(Math.max(x, low), high);
}

/** Round numbers to mark an axis with, about `count` of them. */
export function ticks(low, high, count = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((x) => x * power).find((x) => x >= rough);
  const marks = [];
  for (let x = Math.ceil(low / step - 1e-9) * step; x <= high + step * 1e-9; x += step) {
    marks.push(Math.abs(x) < step * 1e-9 ? 0 : Number(x.toPrecision(12)));
  }
  return marks;
}

/** What a table of debug numbers says about a tensor. */
export function describe(a) {
  let strange = 0;
  let zeros = 0;
  for (let i = 0; i < a.length; i++) {
    if (!Number.isFinite(a[i])) strange++;
    else if (a[i] === 0) zeros++;
  }
  const finite = strange ? a.filter(Number.isFinite) : a;
  const [low, high] = extent(finite);
  return { low, high, mean: mean(finite), deviation: Math.sqrt(variance(finite)), zeros: zeros / (a.length || 1), strange };
}
