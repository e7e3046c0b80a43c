// Values by hand. Run by tests/explorer/test_arithmetic_js.py, which puts this file beside the page's modules.
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  argmax, batchNorm, dot, dotSpelled, entropy, layerNorm, matmul, maxDifference, mergeWords, mix, pool,
  rankCorrelation, rmsNorm, rollout, rotate, rowOf, rowTimesMatrix, softmaxRow, topPlaces,
} from "./arithmetic.js";

const matrix = (rows) => ({ shape: [rows.length, rows[0].length], data: Float32Array.from(rows.flat()) });
const near = (actual, expected, tolerance = 1e-6) =>
  assert.ok(maxDifference(actual, expected) <= tolerance, `${Array.from(actual)} is not ${Array.from(expected)}`);

test("a dot product is spelled out in terms that add up to it", () => {
  const spelled = dotSpelled([1, 2, 3, 4, 5, 6], [1, -1, 2, 0.5, 10, 1]);
  assert.deepEqual(spelled.terms.map((term) => term.product), [1, -2, 6, 2]);
  assert.deepEqual([spelled.hidden, spelled.others, spelled.sum], [2, 56, 63]);
  assert.equal(dot([1, 2, 3, 4, 5, 6], [1, -1, 2, 0.5, 10, 1]), 63);
});

test("a short dot product hides nothing", () => {
  const spelled = dotSpelled([2, 3], [4, 5]);
  assert.deepEqual([spelled.terms.length, spelled.hidden, spelled.others, spelled.sum], [2, 0, 0, 23]);
});

test("rows of unequal length are refused", () => {
  assert.throws(() => dot([1], [1, 2]), RangeError);
  assert.throws(() => maxDifference([1], [1, 2]), RangeError);
  assert.throws(() => mix([1], matrix([[1], [2]])), RangeError);
  assert.throws(() => matmul(matrix([[1, 2]]), matrix([[1, 2]])), RangeError);
});

test("a linear layer has one row of its weight for each output", () => {
  near(rowTimesMatrix([1, 2], matrix([[3, 4], [5, 6], [0, -1]]), [0.5, 0, 0]), [11.5, 17, -2]);
});

test("softmax gives e against 1 for scores one apart, and exactly 0 for a masked score", () => {
  const { largest, exps, sum, weights } = softmaxRow([1, 0, -Infinity]);
  assert.equal(largest, 1);
  near(exps, [1, Math.exp(-1), 0]);
  near([sum], [1 + Math.exp(-1)]);
  near(weights, [Math.E / (Math.E + 1), 1 / (Math.E + 1), 0]);
  assert.equal(weights[2], 0);
});

test("softmax does not overflow, and a row that sees nothing gives zeros", () => {
  near(softmaxRow([1000, 1000]).weights, [0.5, 0.5]);
  near(softmaxRow([-Infinity, -Infinity]).weights, [0, 0]);
});

test("a mixture of values is their weighted sum", () => {
  near(mix([0.25, 0.75], matrix([[4, 0], [8, 4]])), [7, 3]);
});

test("rotation by position 0 changes nothing and keeps every length", () => {
  near(rotate([1, 2, 3, 4], 0), [1, 2, 3, 4]);
  near(rotate([1, 0, 1, 0], 1), [Math.cos(1), Math.sin(1), Math.cos(0.01), Math.sin(0.01)]);
});

test("norms do what their papers say", () => {
  const layer = layerNorm([1, 3], [2, 2], [10, 10], 0);
  assert.deepEqual([layer.mean, layer.variance, ...layer.result], [2, 1, 8, 12]);
  near(rmsNorm([3, 3], [1, 2], 0).result, [1, 2]);
  near(batchNorm([3, 5], [1, 2], [0, 1], { mean: [1, 5], variance: [4, 9], eps: 0 }).result, [1, 1]);
});

test("the largest difference counts NaN as infinite and equal infinities as none", () => {
  assert.equal(maxDifference([1, -Infinity], [1.5, -Infinity]), 0.5);
  assert.equal(maxDifference([NaN], [0]), Infinity);
  assert.equal(maxDifference([-Infinity], [0]), Infinity);
});

test("entropy is 0 for one word and log2 n for an even look", () => {
  assert.equal(entropy([0, 1, 0]), 0);
  assert.equal(entropy([0.25, 0.25, 0.25, 0.25]), 2);
});

test("merged to words, received weights add up and rows still sum to one", () => {
  const merged = mergeWords(matrix([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0, 0.6, 0.4]]), [[0, 1], [1, 3]], [[0, 1], [1, 3]]);
  near(merged.data, [0.5, 0.5, 0.05, 0.95]);
});

test("heads are pooled cell by cell", () => {
  const heads = [matrix([[0.2, 0.8]]), matrix([[0.6, 0.4]])];
  near(pool(heads, "average").data, [0.4, 0.6]);
  near(pool(heads, "max").data, [0.6, 0.8]);
});

test("rollout of one layer is half its weights and half the word itself", () => {
  const layer = matrix([[0, 1], [1, 0]]);
  near(rollout([layer]).data, [0.5, 0.5, 0.5, 0.5]);
  // A (0.5 W + 0.5 I) above another: the upper layer's rows mix the lower one's.
  near(rollout([matrix([[1, 0], [1, 0]]), matrix([[0, 1], [0, 1]])]).data, [0.75, 0.25, 0.5, 0.5]);
});

test("rank correlation sees order only, and shares ties", () => {
  assert.equal(rankCorrelation([1, 2, 3], [10, 200, 3000]), 1);
  assert.equal(rankCorrelation([1, 2, 3], [3, 2, 1]), -1);
  near([rankCorrelation([1, 1, 2], [1, 2, 3])], [Math.sqrt(3) / 2]);
  assert.ok(Number.isNaN(rankCorrelation([1, 1], [1, 2])));
});

test("places of the largest numbers, ties in order", () => {
  assert.equal(argmax([1, 5, 5]), 1);
  assert.deepEqual(topPlaces([1, 5, 5, 7], 3), [3, 1, 2]);
  assert.deepEqual(Array.from(rowOf(matrix([[1, 2], [3, 4]]), 1)), [3, 4]);
});
