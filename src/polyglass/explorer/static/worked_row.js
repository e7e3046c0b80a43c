// One row of attention as a worked sum: a line for each key, a column for each step, and the sums below.

import { topPlaces, total } from "./arithmetic.js";
import { css, luminance, pick } from "./colors.js";
import { h } from "./dom.js";

const SHOWN = 16;

/** Which keys get a line: all of a short sentence, else those with the largest weights, in order. */
export function shownKeys(weights) {
  if (weights.length <= 24) return Array.from(weights.keys());
  return topPlaces(weights, SHOWN).sort((a, b) => a - b);
}

/** The table. row: of stage 11; scores, soft: with or without the root; scaledOn: which of the two. */
export function workedRow(c, { row, scores, soft, scaledOn }) {
  const places = shownKeys(soft.weights);
  const high = Math.max(1e-12, ...row.raw.map(Math.abs));
  const highScore = Math.max(1e-12, ...Array.from(scores, (score) => (score > -Infinity ? Math.abs(score) : 0)));
  const own = (key) => c.t(`stage.attention.${key}`);
  const rich = (key) => c.rich(`stage.attention.${key}`);
  const head = (key, step) => h("th", { scope: "col", role: "columnheader" }, step && h("small", {}, own(`step.${step}`)), h("span", {}, rich(key)));
  const line = (j) => {
    const hidden = !row.visible[j];
    return h("tr", { class: hidden ? "hidden" : null, role: "row" },
      h("th", { scope: "row", role: "rowheader" }, h("bdi", { class: "c-key", lang: c.colTokens[j].lang || null, dir: "auto" }, c.colTokens[j].label)),
      cell(c, "raw", row.raw[j], row.raw[j] / high),
      cell(c, "scaled", scaledOn ? row.scaled[j] : row.raw[j], (scaledOn ? row.scaled[j] : row.raw[j]) / highScore),
      hidden ? h("td", { class: "number masked", role: "cell", dataset: { step: own("step.mask") } }, "−∞") : cell(c, "mask", scores[j], scores[j] / highScore),
      cell(c, "exp", soft.exps[j], soft.exps[j]),
      h("td", { class: "number weight", role: "cell" }, h("span", { class: "weight-bar", "aria-hidden": "true", css: { "--share": String(soft.weights[j]) } }), h("span", {}, c.fixed(soft.weights[j], 4))));
  };
  const left = soft.weights.length - places.length;
  return h("div", { class: "worked", tabindex: "0", role: "region", "aria-label": c.t("stage.attention.row", { word: row.word.label }) },
    h("table", { class: "worked-table", role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, 
        head("column.word"), head("column.raw", "raw"), head(scaledOn ? "column.scaled" : "column.unscaled", "scaled"), head("column.mask", "mask"), head("column.exp", "exp"), head("column.weight", "weight"))),
      h("tbody", { role: "rowgroup" }, places.map(line),
        left > 0 && h("tr", { class: "others", role: "row" }, h("th", { scope: "row", role: "rowheader" }, c.t("words.others", { count: left })), h("td", { role: "cell" }), h("td", { role: "cell" }), h("td", { role: "cell" }),
          h("td", { class: "number", role: "cell" }, c.fixed(soft.sum - total(places.map((j) => soft.exps[j])), 4)),
          h("td", { class: "number", role: "cell" }, c.fixed(1 - total(places.map((j) => soft.weights[j])), 4)))),
      h("tfoot", { role: "rowgroup" }, h("tr", { role: "row" }, h("th", { scope: "row", role: "rowheader" }, own("sum")), h("td", { role: "cell" }), h("td", { role: "cell" }), h("td", { role: "cell" }),
        h("td", { class: "number", role: "cell" }, c.fixed(soft.sum, 4)), h("td", { class: "number", role: "cell" }, c.fixed(total(soft.weights), 6))))));
}

/** A number on a colour that says its size; on a narrow screen the step's name stands before it. */
function cell(c, step, value, share) {
  const colour = step === "exp" ? pick("weights", 0.8 * share) : pick("signed", 0.62 * share);
  return h("td", {
    class: "number tinted", role: "cell", dataset: { step: c.t(`stage.attention.step.${step}`) }, css: { "--tint": css(colour), "--ink-on": inkFor(colour) },
  }, c.fixed(value, 3));
}

/** Black or white: at this border both have a contrast of at least 4.5 to 1 (WCAG). */
function inkFor(colour) {
  return luminance(colour) > 0.179 ? "#000000" : "#ffffff";
}
