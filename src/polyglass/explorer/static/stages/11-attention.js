// Stage 11: one row of attention, from the dot products to the mixture, with every number; repeated by the page itself.

import { argmax, dot, entropy, maxDifference, mix, rowOf, softmaxRow, topPlaces, total } from "../arithmetic.js";
import { claim } from "../claims.js";
import { layerHead, toggle } from "../controls.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { pairs } from "../pairs.js";
import { attentionPart, chosen, headsOff, turns } from "../place.js";
import { snippetBox } from "../snippet_box.js";
import { strips } from "../strip.js";
import { verdict } from "../verdict.js";
import { wordPicker } from "../word_picker.js";
import { shownKeys, workedRow } from "../worked_row.js";

const PARTS = 4; // values that are shown one by one in the mixture

export const stage = {
  number: 11,
  id: "attention",
  pass: 3,
  family: "transformer",
  part: attentionPart,
  values: (c) => ({ path: c.path, rows: c.rowTokens.length, cols: c.colTokens.length, root: c.fixed(Math.sqrt(c.sizes.d_k), 3) }),
  needs: (c) => ["q", "k", "v", "scores", "weights", "heads"].map((name) => `${c.path}.${name}`),
  draw(container, c) {
    const row = rowOfAttention(c);
    container.append(
      layerHead(c),
      wordPicker(c, { key: "who", title: c.own("pick"), tokens: c.rowTokens, picked: row.i, onPick: (i) => c.set({ i }), colour: "query" }),
      worked(c, row),
      check(c, row),
      mixture(c, row),
      saturation(c, row),
      claim(c, 24),
      snippetBox(c, ["attention"]),
    );
  },
};

/** The row of the chosen word: what PyTorch recorded, and the same computed here in double precision. */
export function rowOfAttention(c) {
  const { head, i, j } = chosen(c);
  const of = (name) => c.tensor(`${c.path}.${name}`).slice(head);
  const turn = turns(c);
  const q = turn(of("q").row(i), i);
  const keys = of("k");
  const recorded = { scores: of("scores").row(i), weights: of("weights").row(i), z: of("heads").row(i) };
  const raw = Float64Array.from({ length: keys.shape[0] }, (_, place) => dot(q, turn(rowOf(keys, place), place)));
  const visible = Array.from(recorded.scores, (score) => score > -Infinity);
  const scaled = raw.map((score) => score / Math.sqrt(q.length));
  const masked = scaled.map((score, place) => (visible[place] ? score : -Infinity));
  const soft = softmaxRow(masked);
  return { head, i, j, q, keys, values: of("v"), raw, scaled, masked, visible, soft, z: mix(soft.weights, of("v")), recorded, word: c.rowTokens[i] };
}

function worked(c, row) {
  const scaledOn = c.state.unscaled !== "1";
  const scores = (scaledOn ? row.scaled : row.raw).map((score, place) => (row.visible[place] ? score : -Infinity));
  const soft = softmaxRow(scores);
  const best = argmax(soft.weights);
  const rounded = total(Array.from(soft.weights, (weight) => Math.round(weight * 1e4) / 1e4));
  return figure(c, {
    id: "row", title: c.own("row", { word: row.word.label }), wide: true,
    controls: toggle({
      key: `${c.part}-scale`, label: c.own("scale"), value: scaledOn, note: c.own(scaledOn ? "scaled.on" : "scaled.off"), onChange: (on) => c.set({ unscaled: on ? null : "1" }),
    }),
    graphic: workedRow(c, { row, scores, soft, scaledOn }),
    svg: () => bars(c, soft, shownKeys(soft.weights)),
    summary: c.own("summary", { word: row.word.label, percent: c.percent(soft.weights[best]), best: c.colTokens[best].label, sum: c.fixed(soft.sum, 4), one: c.fixed(total(soft.weights), 6) }),
    note: c.own("rounding", { rounded: c.fixed(rounded, 4), exact: c.fixed(total(row.recorded.weights), 7) }),
    table: () => ({
      columns: [c.own("column.word"), c.own("column.raw.plain"), c.own("column.scaled.plain"), c.own("column.mask"), c.own("column.exp.plain"), c.own("column.weight"), c.own("column.recorded")],
      rows: c.colTokens.map((token, j) => [token, row.raw[j], row.scaled[j], scores[j], soft.exps[j], soft.weights[j], row.recorded.weights[j]]),
    }),
  });
}

function bars(c, soft, places) {
  return pairs({ items: places.map((j) => ({ token: c.colTokens[j], a: soft.exps[j], b: soft.weights[j] })), names: [c.own("column.exp.plain"), c.own("column.weight")], max: 1, format: (x) => c.fixed(x, 4) }).toSVG();
}

function check(c, row) {
  const off = headsOff(c).includes(row.head);
  const differences = { scores: maxDifference(row.masked, row.recorded.scores), weights: maxDifference(row.soft.weights, row.recorded.weights) };
  if (off) return h("div", {}, verdict(c, "stage.attention.check.no_z", differences), h("p", { class: "quiet-note" }, c.own("check.edited", { head: row.head + 1 })));
  return verdict(c, "stage.attention.check", { ...differences, z: maxDifference(row.z, row.recorded.z) });
}

/** The weighted values of the strongest keys, what is left, and their sum. */
function mixture(c, row) {
  const { weights } = row.soft;
  const places = topPlaces(weights, PARTS).filter((place) => weights[place] > 0);
  const others = row.z.map((value, index) => value - total(places.map((place) => weights[place] * rowOf(row.values, place)[index])));
  const left = weights.length - places.length;
  const lines = [
    ...places.map((place) => ({ label: c.own("mix.row", { percent: c.percent(weights[place]), word: c.colTokens[place].label }), values: rowOf(row.values, place).map((value) => value * weights[place]) })),
    ...(left > 0 ? [{ label: c.own("mix.others", { count: left }), values: others }] : []),
    { label: c.own("mix.z", { word: row.word.label }), values: row.z }, { label: c.own("mix.recorded"), values: row.recorded.z },
  ];
  const index = argmax(row.z.map(Math.abs));
  const part = topPlaces(Array.from(weights, (weight, place) => Math.abs(weight * rowOf(row.values, place)[index])), 1)[0];
  const v = rowOf(row.values, part)[index];
  return figure(c, {
    id: "mix", title: c.own("mix"), wide: true,
    graphic: strips({
      key: `${c.part}-mix`, vectors: lines, label: c.own("mix"), words: c.words,
      describe: (line, place, value) => c.t("strip.cell", { label: lines[line].label, index: place, value: c.fixed(value, 4) }),
    }),
    summary: c.own("mix.summary", {
      index, value: c.fixed(row.z[index], 4), percent: c.percent(weights[part]), v: c.fixed(v, 4), word: c.colTokens[part].label, part: c.fixed(weights[part] * v, 4),
    }),
    table: () => ({
      columns: ["", c.own("column.weight"), ...Array.from(row.z, (_, place) => String(place))],
      rows: [...c.colTokens.map((token, j) => [token, weights[j], ...rowOf(row.values, j)]), [c.own("mix.z", { word: row.word.label }), total(weights), ...row.z], [c.own("mix.recorded"), total(row.recorded.weights), ...row.recorded.z]],
    }),
  });
}

/** The same row without the root of d_k: how much sharper, and how little slope is left. */
function saturation(c, row) {
  const without = softmaxRow(row.raw.map((score, place) => (row.visible[place] ? score : -Infinity))).weights;
  const best = argmax(row.soft.weights);
  const slope = (weights) => weights[best] * (1 - weights[best]);
  const places = shownKeys(row.soft.weights);
  const words = {
    with_percent: c.percent(row.soft.weights[best]), without_percent: c.percent(without[best]), with_bits: c.fixed(entropy(row.soft.weights), 2),
    without_bits: c.fixed(entropy(without), 2), with_slope: c.fixed(slope(row.soft.weights), 4), without_slope: c.fixed(slope(without), 4),
  };
  return figure(c, {
    id: "saturation", title: c.own("saturation"), wide: true,
    graphic: pairs({
      key: `${c.part}-saturation`, names: [c.own("saturation.with"), c.own("saturation.without")], colours: ["attention", "quiet"], max: 1, format: (x) => c.percent(x),
      items: places.map((j) => ({ token: c.colTokens[j], a: row.soft.weights[j], b: without[j] })),
    }),
    summary: c.own(slope(without) < slope(row.soft.weights) ? "saturation.summary" : "saturation.less", words),
    table: () => ({ columns: [c.own("column.word"), c.own("saturation.with"), c.own("saturation.without")], rows: c.colTokens.map((token, j) => [token, row.soft.weights[j], without[j]]) }),
  });
}
