// The answer that a question calls right is the one that the numbers give.
import assert from "node:assert/strict";
import { test } from "node:test";

import { distinctLabels, questionsFor, spreadChoice } from "./quiz.js";

const words = {
  t: (key, values = {}) => `${key} ${JSON.stringify(values)}`,
  percent: (x) => `${Math.round(100 * x)} %`,
  fixed: (x, digits) => x.toFixed(digits),
};
const option = (label, prob) => ({ label, prob });
const step = (position, ...top) => ({ position, top, chosen: top[0] });
const byId = (pass, facts) => Object.fromEntries(questionsFor(pass, facts, words).map((one) => [one.id, one]));
const right = (question) => question.options[question.answer];

const journey = {
  text: "a dog runs",
  pieces: ["a", "do", "g", "runs", "</s>"],
  read: ["<s>", "ein", "Hund", "rennt"],
  steps: [
    step(0, option("ein", 0.99), option("der", 0.005), option("zwei", 0.003), option("das", 0.002)),
    step(1, option("Hund", 0.6), option("Affe", 0.2), option("Mann", 0.1), option("Zaun", 0.05)),
    step(2, option("rennt", 0.4), option("läuft", 0.3), option("geht", 0.2), option("ist", 0.05)),
    step(3, option("</s>", 0.9), option(".", 0.05), option("!", 0.03), option("?", 0.02)),
  ],
};

test("the journey is asked about in pieces, likeliest and least sure", () => {
  const asked = byId(1, journey);
  assert.equal(right(asked.pieces), "5");
  assert.equal(right(asked.next), "Hund");
  assert.match(asked.next.question, /<s> ein"/);
  assert.equal(right(asked.sure), "rennt");
});

test("the place with the clearest answer is asked for, and the largest weight is right", () => {
  const look = {
    layer: 1, head: 2, kindName: "encoder",
    rowLabels: ["a", "b", "c", "d"], colLabels: ["a", "b", "c", "a"],
    rows: [[0.25, 0.25, 0.25, 0.25], [0.05, 0.05, 0.1, 0.8], [0.4, 0.3, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3, 0]],
  };
  const asked = byId(2, { look, read: journey.read });
  assert.match(asked.look.question, /"word":"b"/);
  assert.equal(right(asked.look), "a (4)");
  assert.equal(asked.meaning.answer, 1);
  assert.equal(asked.mask, undefined, "four words are too few to hide some");
});

test("only the place before is visible among the options of the mask", () => {
  const asked = byId(2, { read: ["<s>", "eins", "zwei", "drei", "vier", "fünf"] });
  assert.equal(right(asked.mask), "eins");
  assert.deepEqual([...asked.mask.options].sort(), ["drei", "eins", "fünf", "vier"].sort());
});

test("scores keep their order in a softmax, hidden words are no option, and the root is answered by computing", () => {
  const row = { scores: [1, 3, 2, -Infinity], weights: [0.09, 0.665, 0.245, 0], labels: ["a", "b", "c", "d"], d_k: 4 };
  const asked = byId(3, { row, d_model: 8, norm: "layer", hidden: { values: [0, 0, 0, 1], word: "b", layer: 0 } });
  assert.equal(right(asked.scores), "b");
  assert.deepEqual(asked.scores.options, ["a", "b", "c"]);
  assert.equal(asked.root.answer, 0);
  assert.equal(right(asked.rows), "1");
  assert.equal(right(asked.zeros), "75 %");
  assert.equal(new Set(asked.zeros.options).size, 4);
});

test("an even row stays even without the root", () => {
  const row = { scores: [2, 2], weights: [0.5, 0.5], labels: ["a", "b"], d_k: 4 };
  assert.equal(byId(3, { row }).root.answer, 2);
});

test("facts that are missing make no question", () => {
  assert.deepEqual(questionsFor(1, {}, words), []);
  assert.deepEqual(questionsFor(2, {}, words), []);
  assert.deepEqual(questionsFor(3, {}, words), []);
});

test("places are chosen with those that must be there, without repeats, in order", () => {
  for (let total = 1; total < 40; total += 1) {
    for (let best = 0; best < total; best += 1) {
      const chosen = spreadChoice([best], total);
      assert.equal(chosen.length, Math.min(4, total));
      assert.ok(chosen.includes(best));
      assert.deepEqual(chosen, [...new Set(chosen)].sort((a, b) => a - b));
      assert.ok(chosen.every((place) => place >= 0 && place < total));
    }
  }
});

test("a word that comes twice is told apart by its place", () => {
  assert.deepEqual(distinctLabels(["the", "dog", "the"]), ["the", "dog", "the (3)"]);
});
