// A vector as a strip of colours: one cell for each of its numbers.

import { matrix } from "./matrix.js";
import { tensorOf } from "./numbers.js";

/** One vector. options: key, values, label: beside it; name: for a screen reader; scale, domain, height, bands, onPick(index), words. */
export function strip({ values, label, name, onPick, ...rest }) {
  return strips({ ...rest, vectors: [{ label, values }], label: name ?? label, onPick: onPick && ((_, index) => onPick(index)) });
}

/** Several vectors below each other, on one scale. vectors: [{label, values}]; onPick(vector, index). */
export function strips({ vectors, onPick, picked, scale = "signed", height = 22, ...rest }) {
  return matrix({
    ...rest, scale, height, fit: true, data: tensorOf(vectors.map(({ values }) => values)),
    rows: vectors.some(({ label }) => label) ? vectors.map(({ label, token }) => token ?? { label: label ?? "" }) : null,
    cols: null, onPin: onPick, pinned: picked ? { row: picked[0], col: picked[1] } : null,
  });
}
