// Where the numbers of a chosen word stand in the model: paths of taps, as pre- or post-norm and the kind of attention
// have it, and the words of rows and columns.

import { rotate } from "./arithmetic.js";
import { placed } from "./first_word.js";
import { clamp } from "./numbers.js";

/** The chosen head, query word i and key word j, inside what this sentence has. */
export function chosen(c) {
  return {
    head: clamp(c.state.head, 0, c.sizes.h - 1),
    i: placed(c.state.i, c.rowTokens),
    j: placed(c.state.j, c.colTokens, c.kind === "cross" ? 0 : 1),
    layer: layerOf(c),
  };
}

/** The layer of c.path. */
export function layerOf(c) {
  return Number(/\.layers\.(\d+)\./.exec(c.path)[1]);
}

/** The box of the diagram that this kind of attention is. */
export function attentionPart(c) {
  return `${c.kind}.attention`;
}

/** The paths of the x that an attention reads: {query, memory} (for self-attention the same). */
export function inputsOf(c) {
  const query = sublayerInput(c, c.path);
  if (c.kind !== "cross") return { query, memory: query };
  const last = c.sizes.N_encoder - 1;
  return { query, memory: isPre(c) ? "encoder.norm" : `encoder.layers.${last}.feed_forward_residual.norm` };
}

/** What goes into a sub-layer: the normalised x (pre-norm) or x itself (post-norm). */
export function sublayerInput(c, path) {
  return isPre(c) ? `${path}_residual.norm` : streamBefore(c, path);
}

/** The residual stream x on its way to a sub-layer, before any norm of that sub-layer. */
export function streamBefore(c, path) {
  const [, stack, number, name] = /^(\w+)\.layers\.(\d+)\.(\w+)$/.exec(path);
  const order = stack === "encoder" ? ["self_attention", "feed_forward"] : ["self_attention", "cross_attention", "feed_forward"];
  const tap = isPre(c) ? "residual" : "norm";
  const before = order[order.indexOf(name) - 1];
  if (before) return `${stack}.layers.${number}.${before}_residual.${tap}`;
  return number === "0" ? `${stack}.embedded` : `${stack}.layers.${number - 1}.feed_forward_residual.${tap}`;
}

/** True if the model normalises before its sub-layers. */
export function isPre(c) {
  return c.model.config.norm_place === "pre";
}

/** True if this run has the heads of an attention switched off: numbers after them are zero. */
export function headsOff(c, path = c.path) {
  return c.state.edits.find((edit) => edit.kind === "heads_off" && edit.path === path)?.heads ?? [];
}

/** The half-open ranges of the pieces that the decoder read: the start mark, then the words of the target. */
export function inputWords(c) {
  const count = c.inputTokens.length;
  const rest = c.run.target.words.map(([from, to]) => [from + 1, Math.min(to + 1, count)]).filter(([from, to]) => from < to);
  return [[0, 1], ...rest];
}

/** Rows and columns of the chosen kind as words: {spans, tokens} each. */
export function wordsOf(c) {
  const source = { spans: c.run.source.words, tokens: c.sourceTokens };
  const target = { spans: inputWords(c), tokens: c.inputTokens };
  const joined = ({ spans, tokens }) => ({ spans, tokens: spans.map(([from, to], index) => ({ ...tokens[from], index, label: joinedLabel(tokens.slice(from, to)) })) });
  return {
    rows: joined(c.kind === "encoder" ? source : target),
    columns: joined(c.kind === "decoder" ? target : source),
  };
}

function joinedLabel(tokens) {
  return tokens.length === 1 ? tokens[0].label : tokens.map(({ piece }) => piece).join("").replace(/▁/gu, " ").trim();
}

/** Rotary positions turn q and k by their place before they meet; otherwise nothing happens. */
export function turns(c) {
  const undone = c.state.edits.some((edit) => edit.kind === "positions_off");
  return c.model.config.positions === "rotary" && c.kind !== "cross" && !undone ? rotate : (x) => x;
}
