// Blocks of weights of any size: the server hands out tiles, and they are joined here.

import { Tensor } from "./numbers.js";
import { tensorKey } from "./source.js";

const CELLS = 4096;

/** Rows r0..r1-1 and columns c0..c1-1 of a weight, as one matrix. Throws what the source throws. */
export async function weightBlock(c, path, [r0, r1, c0, c1]) {
  const tiles = tilesOf([r0, r1, c0, c1]).map((tile) => ({ path, tile }));
  const found = await c.source.tensors(c.run.run, tiles, {}, c.signal);
  return joined([r0, r1, c0, c1], tiles.map((want) => [want.tile, found[tensorKey(want)]]));
}

/** Cut a block into tiles of at most `cells` numbers, whole rows together where they fit. */
export function tilesOf([r0, r1, c0, c1], cells = CELLS) {
  const wide = Math.min(c1 - c0, cells);
  const high = Math.max(1, Math.floor(cells / wide));
  const tiles = [];
  for (let row = r0; row < r1; row += high) {
    for (let column = c0; column < c1; column += wide) {
      tiles.push([row, Math.min(row + high, r1), column, Math.min(column + wide, c1)]);
    }
  }
  return tiles;
}

/** Put tiles together: [[tile, matrix], ...]. */
export function joined([r0, r1, c0, c1], parts) {
  const columns = c1 - c0;
  const data = new Float32Array((r1 - r0) * columns);
  for (const [[top, bottom, left, right], matrix] of parts) {
    for (let row = top; row < bottom; row += 1) {
      const from = (row - top) * (right - left);
      data.set(matrix.data.subarray(from, from + right - left), (row - r0) * columns + left - c0);
    }
  }
  return new Tensor([r1 - r0, columns], data);
}

/** The answer to any other question of a run, asked once. */
export async function remembered(c, name, key, ask) {
  const whole = `${name} ${c.run.run} ${key}`;
  if (!c.store.others.has(whole)) c.store.others.set(whole, await ask());
  return c.store.others.get(whole);
}
