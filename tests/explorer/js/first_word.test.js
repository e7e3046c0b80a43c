// Which word is picked when nobody has picked one.
import assert from "node:assert/strict";
import { test } from "node:test";

import { placed } from "./first_word.js";

const sentence = (...pieces) => pieces.map((piece, index) => ({
  piece, label: piece.replace("▁", ""), index, special: piece === "</s>" ? "eos" : null,
}));
const cotton = sentence("▁A", "▁group", "▁of", "▁men", "▁lo", "ading", "▁onto", "▁a", "▁truck", ".", "</s>");

test("the address comes first, inside the sentence", () => {
  assert.equal(placed(0, cotton), 0);
  assert.equal(placed(4, cotton), 4);
  assert.equal(placed(99, cotton), 10);
});

test("else the longest word of one piece, then the next", () => {
  assert.equal(placed(null, cotton), 1);
  assert.equal(placed(null, cotton, 1), 8);
  assert.equal(placed(undefined, cotton, 99), 3);
});

test("where no word is whole, any piece with a letter; never a mark or a sign", () => {
  assert.equal(placed(null, sentence("▁", "...", "▁x", "yz", "</s>")), 3);
  assert.equal(placed(null, sentence("▁狗", "跑", "</s>")), 0);
  assert.equal(placed(null, sentence("▁!", "</s>")), 0);
});
