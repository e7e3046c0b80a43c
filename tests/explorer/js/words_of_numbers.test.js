// Sentences that are made from numbers say what the numbers say; blocks that are cut into tiles come together again.
import assert from "node:assert/strict";
import { test } from "node:test";

import { hiddenBy, hiddenWeights, largestRowError } from "./masks.js";
import { joined, tilesOf } from "./tiles.js";
import { scientific } from "./verdict.js";
import { whySentence } from "./why.js";

const t = (key, values = {}) => `${key} ${JSON.stringify(values)}`;
const fixed = (x) => x.toFixed(2);
const words = ["the", "dog", "runs"].map((label) => ({ label }));
const reply = (attention, gradient, left) => ({
  target: { label: "Hund" },
  top: { attention, input_x_gradient: gradient, leave_one_out: left },
  by_word: { attention: [0.2, 0.5, 0.3], input_x_gradient: [0.1, 0.2, 0.3], leave_one_out: [0.5, 2.25, 0.1] },
});
const said = (...tops) => whySentence(reply(...tops), words, t, fixed);

test("where all three agree the sentence names the word and what leaving it out costs", () => {
  assert.match(said(1, 1, 1), /^why\.summary\.agree .*"word":"dog".*"loss":"2\.25"/);
});

test("where attention stands alone the sentence says that attention would not have told", () => {
  assert.match(said(0, 1, 1), /^why\.summary\.two .*"word":"dog","other":"the"/);
});

test("where another way stands alone the sentence names it", () => {
  assert.match(said(1, 2, 1), /^why\.summary\.two\.attention_right .*"word":"dog","other":"runs"/);
  assert.match(said(1, 1, 0), /^why\.summary\.two\.attention_right .*"word":"dog","other":"the"/);
});

test("where each names another word all three are named", () => {
  assert.match(said(0, 1, 2), /^why\.summary\.none .*"attention":"the","input_x_gradient":"dog","leave_one_out":"runs"/);
});

test("a model without attention is compared in the two other ways", () => {
  const two = reply(null, 1, 2);
  two.by_word.attention = null;
  assert.match(whySentence(two, words, t, fixed), /^why\.summary\.differ\.two/);
  two.top.leave_one_out = 1;
  assert.match(whySentence(two, words, t, fixed), /^why\.summary\.agree\.two .*"word":"dog"/);
});

test("any block is cut into tiles that fit, cover it once and join to the same numbers", () => {
  for (const [r0, r1, c0, c1] of [[0, 1, 0, 512], [64, 128, 0, 512], [3, 10, 5, 9], [0, 3, 0, 5000], [0, 1, 0, 1]]) {
    const tiles = tilesOf([r0, r1, c0, c1]);
    assert.ok(tiles.every(([a, b, c, d]) => (b - a) * (d - c) <= 4096 && b > a && d > c));
    const parts = tiles.map(([a, b, c, d]) => [[a, b, c, d], {
      data: Float32Array.from({ length: (b - a) * (d - c) }, (_, i) => 10_000 * (a + Math.floor(i / (d - c))) + c + (i % (d - c))),
    }]);
    const whole = joined([r0, r1, c0, c1], parts);
    assert.deepEqual(whole.shape, [r1 - r0, c1 - c0]);
    for (const [row, column] of [[0, 0], [r1 - r0 - 1, c1 - c0 - 1], [0, c1 - c0 - 1]]) {
      assert.equal(whole.at(row, column), Math.fround(10_000 * (row + r0) + column + c0));
    }
  }
});

test("hidden cells are counted, and a weight in one of them is found", () => {
  const weights = { shape: [3, 3], data: Float32Array.from([1, 0, 0, 0.5, 0.5, 0, 0.25, 0.25, 0.5]) };
  assert.deepEqual(hiddenWeights(weights, hiddenBy("causal")), { count: 3, largest: 0 });
  assert.deepEqual(hiddenWeights(weights, hiddenBy("padding", { real: 2 })), { count: 3, largest: 0.5 });
  assert.equal(largestRowError(weights), 0);
  assert.equal(largestRowError({ shape: [1, 2], data: Float32Array.from([0.5, 0.25]) }), 0.25);
});

test("small numbers are written as people write them", () => {
  assert.deepEqual([1.53e-7, 1e-4, 0, 2.5e-12, 31].map(scientific), ["1.5·10⁻⁷", "10⁻⁴", "0", "2.5·10⁻¹²", "3.1·10¹"]);
});
