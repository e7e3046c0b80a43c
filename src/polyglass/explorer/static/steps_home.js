// A shown step as a program to take home: gathers its numbers from what the stage has fetched.

import { rowOf } from "./arithmetic.js";
import { clamp } from "./numbers.js";
import { chosen, inputsOf } from "./place.js";
import { snippet } from "./snippets.js";
import { EPS, sublayerNumbers, sublayerOf } from "./sublayer.js";

export const STEPS = ["projection", "attention", "head", "concat", "norm", "feed_forward"];

/** The program of a step in "numpy" or "pytorch". turn: of stage 11, for rotary positions. */
export function programOf(c, kind, language, turn) {
  const step = MAKERS[kind](c, turn);
  const lines = [step.place, `${c.model.source_lang}: ${c.run.source.text}`, c.t("snippets.made", { model: c.model.name })];
  return snippet({ ...step, kind: step.kind ?? kind, lines }, language);
}

function placeOf(c) {
  const { head, i } = chosen(c);
  return c.t("snippets.place", { path: c.path, head, index: i, word: c.rowTokens[i].label });
}

const MAKERS = {
  projection(c) {
    const { head, i } = chosen(c);
    const row = clamp(Math.round(c.number("r", 0)), 0, c.sizes.d_k - 1);
    const bias = `${c.path}.w_q.bias`;
    return {
      title: c.t("snippets.projection", { name: c.t("stage.projections.name.query") }), place: placeOf(c), name: "q", x: c.tensor(inputsOf(c).query).row(i),
      column: c.extra.query.row(row), bias: c.has(bias) ? c.tensor(bias).data[head * c.sizes.d_k + row] : 0,
    };
  },
  attention(c, turn) {
    const { head, i } = chosen(c);
    const of = (name) => c.tensor(`${c.path}.${name}`).slice(head);
    return {
      title: c.t("snippets.attention"), place: placeOf(c), q: turn(of("q").row(i), i), keys: turned(of("k"), turn), values: of("v"),
      visible: Array.from(of("scores").row(i), (score) => score > -Infinity), scaled: c.state.unscaled !== "1",
    };
  },
  head(c, turn) {
    const { head } = chosen(c);
    const of = (name) => turned(c.tensor(`${c.path}.${name}`).slice(head), turn);
    return { title: c.t("snippets.head"), place: placeOf(c), queries: of("q"), keys: of("k"), causal: c.kind === "decoder" };
  },
  concat(c) {
    const { i } = chosen(c);
    const o = clamp(Math.round(c.number("o", 0)), 0, c.sizes.d_model - 1);
    const bias = `${c.path}.w_o.bias`;
    return {
      title: c.t("snippets.concat"), place: c.t("snippets.place.no_head", { path: c.path, index: i, word: c.rowTokens[i].label }), concat: c.tensor(`${c.path}.concat`).row(i), column: c.extra.column,
      bias: c.has(bias) ? c.tensor(bias).data[o] : 0, heads: c.sizes.h,
    };
  },
  norm(c) {
    const { path, tokens, i } = sublayerOf(c);
    const { x, f, gamma, beta, running, pre } = sublayerNumbers(c);
    return {
      kind: c.model.config.norm, title: c.t("snippets.norm"), place: c.t("snippets.place.no_head", { path, index: i, word: tokens[i].label }), x, sublayer: f, scale: gamma, shift: beta, eps: EPS, normFirst: pre,
      ...(running ? { mean: running.mean, variance: running.variance } : {}),
    };
  },
  feed_forward(c) {
    const { ffn, tokens, i } = sublayerOf(c);
    return {
      title: c.t("snippets.feed_forward"), place: c.t("snippets.place.no_head", { path: ffn, index: i, word: tokens[i].label }), hidden: c.tensor(`${ffn}.hidden`).row(i), column: c.extra.column,
      bias: c.tensor(`${ffn}.w_2.bias`).data[0],
    };
  },
};

function turned(matrix, turn) {
  const [rows, columns] = matrix.shape;
  const data = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) data.set(turn(rowOf(matrix, row), row), row * columns);
  return { shape: [rows, columns], data };
}
