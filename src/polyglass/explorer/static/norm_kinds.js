// The three norms on the same numbers: words below each other, features beside each other, and a frame around the numbers
// whose mean and variance are taken together.

import { moments, vectorLength } from "./arithmetic.js";
import { claim } from "./claims.js";
import { choice, slider } from "./controls.js";
import { h } from "./dom.js";
import { figure } from "./figure.js";
import { matrix } from "./matrix.js";
import { Tensor, clamp } from "./numbers.js";
import { EPS, sublayerOf } from "./sublayer.js";

const SHOWN = 48; // features that the picture shows
const KINDS = ["layer", "rms", "batch"];

/** The figure. before: the vectors that go into the norm, one for each word. */
export function normKinds(c, before) {
  const kind = KINDS.includes(c.state.norm) ? c.state.norm : c.model.config.norm;
  const { tokens, i } = sublayerOf(c);
  const columns = Math.min(SHOWN, before.shape[1]);
  const feature = clamp(Math.round(c.number("f", 0)), 0, columns - 1);
  const shown = new Tensor([before.shape[0], columns], Float32Array.from({ length: before.shape[0] * columns }, (_, index) => before.at(Math.floor(index / columns), index % columns)));
  const together = kind === "batch" ? before.rows().map((row) => row[feature]) : before.row(i);
  const outcome = normalised(kind, together, kind === "batch" ? i : feature);
  const picture = matrix({
    key: `${c.part}-norm-kinds`, data: shown, rows: tokens, cols: null, scale: "signed", fit: true, height: 20, words: c.words, label: c.own("kinds"),
    describe: (row, column, value) => c.t("strip.cell", { label: tokens[row].label, index: column, value: c.fixed(value, 4) }),
    pinned: kind === "batch" ? null : { row: i, col: feature }, onPin: (row, column) => c.set({ i: row, f: String(column) }),
  });
  return figure(c, {
    id: "norm-kinds", title: c.own("kinds"), wide: true,
    controls: [
      choice({
        key: `${c.part}-norm`, label: c.own("kinds.choice"), value: kind, onChange: (norm) => c.set({ norm }),
        options: KINDS.map((one) => [one, one === c.model.config.norm ? `${c.own(`kinds.${one}`)} (${c.own("kinds.own")})` : c.own(`kinds.${one}`)]),
      }),
      slider({ key: `${c.part}-f`, label: c.own("kinds.feature"), min: 0, max: columns - 1, value: feature, onChange: (f) => c.set({ f: String(f) }) }),
    ],
    graphic: h("div", { class: `norm-kinds takes-${kind === "batch" ? "column" : "row"}`, css: { "--row": String(i), "--rows": String(tokens.length), "--column": String(feature), "--columns": String(columns) } },
      picture, h("p", { class: "norm-kinds-words" }, c.rich(`stage.residual.kinds.${kind}.text`))),
    svg: () => picture.toSVG(),
    summary: c.own(kind === "rms" ? "kinds.summary.rms" : "kinds.summary", {
      kind: c.own(`kinds.${kind}`), index: feature, word: tokens[i].label, before: c.fixed(before.at(i, feature), 3), after: c.fixed(outcome.after, 3),
      mean: c.fixed(outcome.mean, 3), variance: c.fixed(outcome.variance, 3), square: c.fixed(outcome.square, 3), count: together.length,
    }),
    note: c.own("kinds.lead", { shown: columns }),
    table: () => ({ columns: ["", ...Array.from({ length: before.shape[1] }, (_, index) => index)], rows: tokens.map((token, row) => [token, ...before.row(row)]) }),
  });
}

/** One number after its norm, before gain and shift; over the numbers that are taken together. */
function normalised(kind, together, place) {
  const { mean, variance } = moments(together);
  const square = vectorLength(together) ** 2 / together.length;
  const after = kind === "rms" ? together[place] / Math.sqrt(square + EPS) : (together[place] - mean) / Math.sqrt(variance + EPS);
  return { mean, variance, square, after };
}

/** The boxes that belong to it. */
export function normClaims(c) {
  return h("div", { class: "claims" }, claim(c, 26, { place: c.own(c.model.config.norm_place) }), claim(c, 27), claim(c, 28));
}
