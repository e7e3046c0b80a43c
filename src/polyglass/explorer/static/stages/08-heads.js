// Stage 8: all heads of all three kinds, one of them large in two forms, switched off, and compared with other answers.

import { argmax, mergeWords, pool, topPlaces } from "../arithmetic.js";
import { arcs } from "../arcs.js";
import { card } from "../card.js";
import { claim } from "../claims.js";
import { choice, layerHead } from "../controls.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { badgesOf, gallery } from "../gallery.js";
import { headSwitch } from "../head_switch.js";
import { matrix } from "../matrix.js";
import { Tensor, extent, sum } from "../numbers.js";
import { attentionPart, chosen, wordsOf } from "../place.js";
import { remembered } from "../tiles.js";
import { loadWhy, whyPanel } from "../why.js";
import { wordLinks } from "../word_links.js";
import { snippetBox } from "../snippet_box.js";

const JOINS = ["one", "average", "max", "rollout"];

export const stage = {
  number: 8,
  id: "heads",
  pass: 2,
  family: "transformer",
  part: attentionPart,
  values: (c) => ({ path: c.path, rows: c.rowTokens.length, cols: c.colTokens.length, bits: c.fixed(Math.log2(c.colTokens.length), 1) }),
  needs: (c) => [
    `${c.path}.weights`, `${c.path}.q`, `${c.path}.k`, c.model.alignment_path, ...(joinOf(c) === "rollout" ? [`${c.kind}.rollout`] : []),
  ],
  async load(c) {
    const [thumbs, why] = await Promise.all([
      remembered(c, "thumbnails", c.kind, () => c.source.thumbnails(c.run.run, c.kind, c.signal)), loadWhy(c),
    ]);
    return { thumbs, why };
  },
  draw(container, c) {
    const { thumbs, why } = c.extra;
    const seen = seenOf(c);
    container.append(
      layerHead(c),
      gallery(c, thumbs),
      controls(c),
      h("div", { class: `pair-of-figures${Math.max(seen.rows.length, seen.columns.length) > 16 ? "" : " uneven"}` }, asMatrix(c, seen), asArcs(c, seen)),
      h("div", { class: "pair-of-figures" }, headSwitch(c), badgesOf(c, thumbs)),
      card({ kind: "warn", children: h("p", {}, c.own("note")) }),
      whyPanel(c, why),
      wordLinks(c),
      h("div", { class: "claims" }, claim(c, 3), claim(c, 16), claim(c, 20)),
      snippetBox(c, ["head"]),
    );
  },
};

function joinOf(c) {
  return JOINS.includes(c.state.join) ? c.state.join : "one";
}

/** The matrix that is shown large, with its rows and columns: {weights, rows, columns, join, unit}. */
function seenOf(c) {
  const all = c.tensor(`${c.path}.weights`);
  const { head } = chosen(c);
  const join = joinOf(c);
  const heads = Array.from({ length: all.shape[0] }, (_, index) => all.slice(index));
  const pieces = join === "one" ? all.slice(head) : join === "rollout" ? c.tensor(`${c.kind}.rollout`) : pool(heads, join);
  if (unitOf(c) === "pieces") return { weights: tensor(pieces), rows: c.rowTokens, columns: c.colTokens, join };
  const { rows, columns } = wordsOf(c);
  return { weights: tensor(mergeWords(pieces, rows.spans, columns.spans)), rows: rows.tokens, columns: columns.tokens, join, merged: true };
}

/** Long sentences are joined to words unless the user says otherwise. */
function unitOf(c) {
  if (c.state.unit === "words" || c.state.unit === "pieces") return c.state.unit;
  return Math.max(c.rowTokens.length, c.colTokens.length) > 64 ? "words" : "pieces";
}

const tensor = ({ shape, data }) => new Tensor(shape, data);

function controls(c) {
  const one = (key, fallback, values) => choice({
    key: `${c.part}-${key}`, label: c.own(key), value: key === "unit" ? unitOf(c) : c.state[key] || fallback, onChange: (value) => c.set({ [key]: value }),
    options: values.map((value) => [value, c.own(`${key}.${value}`)]),
  });
  return h("div", { class: "controls" }, one("join", "one", JOINS), one("unit", "pieces", ["pieces", "words"]), one("lines", "all", ["all", "one"]));
}

function whatIsShown(c, join) {
  const { layer, head } = chosen(c);
  return c.own(`what.${join}`, { layer: layer + 1, head: head + 1 });
}

/** The row that the pinned piece lies in. */
function pinnedRow(c, { rows, merged }) {
  const { i } = chosen(c);
  if (!merged) return i;
  return Math.max(0, wordsOf(c).rows.spans.findIndex(([from, to]) => i >= from && i < to));
}

function asMatrix(c, seen) {
  const { weights, rows, columns, join } = seen;
  const row = pinnedRow(c, seen);
  const best = argmax(weights.row(row));
  const pieceOf = (spans, index) => (seen.merged ? spans[index][0] : index);
  const words = seen.merged ? wordsOf(c) : null;
  return figure(c, {
    id: "weights", title: c.own("matrix", { what: whatIsShown(c, join) }),
    graphic: matrix({
      key: `${c.part}-weights`, data: weights, rows, cols: columns, scale: "weights", domain: [0, brightest(weights)], words: c.words,
      describe: (r, column, value) => c.own("cell", { row: rows[r].label, col: columns[column].label, percent: c.percent(value), value: c.fixed(value, 4) }), rowTitle: c.t("word.query"), colTitle: c.t("word.key"),
      masked: c.kind === "decoder" && join !== "rollout" ? (r, column) => column > r && "dots" : null,
      pinned: { row, col: best }, onPin: (r, column) => c.set({ i: pieceOf(words?.rows.spans, r), j: pieceOf(words?.columns.spans, column) }),
      label: c.own("matrix", { what: whatIsShown(c, join) }),
    }),
    summary: c.own(join === "max" ? "matrix.summary.max" : "matrix.summary", {
      row: rows[row].label, col: columns[best].label, percent: c.percent(weights.at(row, best)), sum: c.fixed(sum(weights.row(row)), 6),
    }),
    note: [c.kind !== "encoder" && !seen.merged && c.t("picker.read", { word: rows[row].label, next: c.outputTokens[row].label }), join === "max" && c.own("max.note"), join === "rollout" && c.own("rollout.note"), seen.merged && c.own("words.note")].filter(Boolean).join(" ") || null,
    table: () => ({ columns: ["", ...columns], rows: rows.map((token, index) => [token, ...weights.row(index)]) }),
  });
}

/** The share that gets the full colour: 1, or the largest there is where all are faint, as in long sentences. */
function brightest(weights) {
  const [, high] = extent(weights.data);
  return high < 0.5 ? Math.max(high, 0.02) : 1;
}

function asArcs(c, seen) {
  const { rows, columns } = seen;
  const row = pinnedRow(c, seen);
  const most = Math.max(rows.length, columns.length);
  const spans = seen.merged ? wordsOf(c).rows.spans : null;
  const drawn = most > 64 ? strongest(seen, row) : { ...seen, rows, columns, focus: c.state.lines === "one" ? row : null, threshold: most > 24 ? 0.05 : 0.02 };
  const words = most > 64 ? "arcs.strongest" : c.state.lines === "one" ? "arcs.one" : most > 24 ? "arcs.threshold.many" : "arcs.threshold";
  return figure(c, {
    id: "arcs", title: c.own("arcs"),
    graphic: arcs({
      key: `${c.part}-arcs`, left: drawn.rows, right: drawn.columns, weights: drawn.weights, threshold: drawn.threshold, focus: drawn.focus, colour: "attention",
      onPick: most > 64 ? null : (index) => c.set({ i: spans ? spans[index][0] : index, lines: "one" }), label: c.own("arcs"),
    }),
    summary: c.own(words, { percent: c.percent(drawn.threshold), word: rows[row].label, count: drawn.columns.length, total: columns.length }),
    table: () => ({
      columns: [c.t("word.query"), c.t("word.key"), c.own("alignment.share")],
      rows: drawn.rows.flatMap((from, r) => drawn.columns.map((to, column) => [from, to, drawn.weights.at(r, column)])).filter(([, , weight]) => weight >= drawn.threshold),
    }),
  });
}

/** One row of a long sentence with its largest shares, in the order of the sentence. */
function strongest({ weights, rows, columns }, row) {
  const places = topPlaces(weights.row(row), 16).sort((a, b) => a - b);
  const shares = Float32Array.from(places, (place) => weights.at(row, place));
  return { rows: [rows[row]], columns: places.map((place) => columns[place]), weights: new Tensor([1, places.length], shares), focus: 0, threshold: 0 };
}
