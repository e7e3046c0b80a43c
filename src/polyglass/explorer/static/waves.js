// The sinusoids of the paper (§3.5), for drawing. The model's own come from the model.

import { dot } from "./numbers.js";

/** The angle of pair i at a place: place / 10000^(2i / width). */
export function angle(place, pair, width) {
  return place / 10000 ** ((2 * pair) / width);
}

/** After how many places pair i repeats. */
export function wavelength(pair, width) {
  return 2 * Math.PI * 10000 ** ((2 * pair) / width);
}

/** PE(place): sine and cosine interleaved. */
export function sinusoid(place, width) {
  return Float64Array.from({ length: width }, (_, index) => {
    const turned = angle(place, Math.floor(index / 2), width);
    return index % 2 ? Math.cos(turned) : Math.sin(turned);
  });
}

/** How much the dot products of pairs at the same distance differ, at most over all distances. */
export function maxSpread(rows) {
  let most = 0;
  for (let distance = 1; distance < rows.length; distance++) {
    let low = Infinity;
    let high = -Infinity;
    for (let place = 0; place + distance < rows.length; place++) {
      const value = dot(rows[place], rows[place + distance]);
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    most = Math.max(most, high - low);
  }
  return most;
}
