// What may not be looked at, as pictures: a batch with its padding, and the patterns of the two masks with their legend.
// Padding is striped and the future is dotted, so that neither needs a colour to be told apart.

import { colour } from "./colors.js";
import { h, s } from "./dom.js";
import { SANS } from "./pens.js";

/** Which pattern hides key j from query i, or false. kind: "causal" or "padding"; real: how many keys are no padding. */
export function hiddenBy(kind, { real = Infinity } = {}) {
  if (kind === "causal") return (i, j) => j > i && "dots";
  return (_, j) => j >= real && "stripes";
}

/** The largest weight that stands in a hidden cell, and how many such cells there are. */
export function hiddenWeights(weights, hidden) {
  let count = 0;
  let largest = 0;
  const [rows, columns] = weights.shape;
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j < columns; j += 1) {
      if (!hidden(i, j)) continue;
      count += 1;
      largest = Math.max(largest, Math.abs(weights.data[i * columns + j]));
    }
  }
  return { count, largest };
}

/** How far the rows of a matrix are from summing to one, at most. */
export function largestRowError(weights, rows = weights.shape[0]) {
  const columns = weights.shape[1];
  let largest = 0;
  for (let i = 0; i < rows; i += 1) {
    let total = 0;
    for (let j = 0; j < columns; j += 1) total += weights.data[i * columns + j];
    largest = Math.max(largest, Math.abs(total - 1));
  }
  return largest;
}

/** The words of one cell: what is hidden says so, and why. */
export function cellWords(c, { rows, columns, hidden }) {
  return (i, j, value) => {
    const pattern = hidden(i, j);
    const names = { row: rows[i].label, col: columns[j].label };
    if (!pattern) return c.t("stage.masks.cell.open", { ...names, value: c.fixed(value, 4) });
    return c.t("stage.masks.cell", { ...names, why: c.t(pattern === "dots" ? "stage.masks.why.causal" : "stage.masks.why.padding") });
  };
}

/** What the patterns mean. kinds: of "padding", "causal". */
export function maskLegend(c, kinds) {
  return h("ul", { class: "mask-legend" },
    kinds.map((kind) => h("li", {}, h("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), c.t(`stage.masks.legend.${kind}`))),
    h("li", {}, h("span", { class: "swatch visible", "aria-hidden": "true" }), c.t("stage.masks.legend.visible")));
}

/** Sentences below each other, filled up with padding to one length. sentences: [{labels, lang}]; onPick(index). */
export function batchGrid({ key, sentences, length, picked, onPick, label, padding, rowName, rowNote }) {
  const rows = sentences.map(({ labels, lang }, index) => {
    const pads = length - labels.length;
    return h("li", { class: index === picked ? "chosen" : null },
      h("button", { type: "button", class: "batch-name", "aria-pressed": String(index === picked), onclick: () => onPick(index) },
        h("strong", {}, rowName(index)), h("span", {}, rowNote(labels.length, pads))),
      h("div", { class: "batch-row", css: { "--length": String(length) } },
        labels.map((text) => h("bdi", { class: "batch-piece", lang: lang || null, dir: "auto" }, text)),
        Array.from({ length: pads }, () => h("span", { class: "batch-piece pad", "aria-hidden": "true" }, padding))));
  });
  const list = h("ol", { class: "batch", "aria-label": label, dataset: { key } }, rows);
  list.toSVG = () => drawn({ sentences, length, padding });
  return list;
}

function drawn({ sentences, length, padding }) {
  const [wide, high] = [70, 34];
  const svg = s("svg", { viewBox: `0 0 ${length * wide} ${sentences.length * high}`, width: length * wide, height: sentences.length * high });
  svg.append(s("rect", { width: length * wide, height: sentences.length * high, fill: colour("panel") }));
  sentences.forEach(({ labels }, row) => {
    for (let column = 0; column < length; column += 1) {
      const real = column < labels.length;
      const [x, y] = [column * wide + 2, row * high + 2];
      svg.append(
        s("rect", { x, y, width: wide - 4, height: high - 4, rx: 4, fill: real ? colour("source-soft") : "none", stroke: colour("hatch"), "stroke-dasharray": real ? "none" : "4 3" }),
        s("text", { x: x + wide / 2 - 2, y: y + high / 2 - 2, "text-anchor": "middle", "dominant-baseline": "central", "font-size": 12, "font-family": SANS, fill: colour("ink") },
          real ? labels[column] : padding),
      );
    }
  });
  return svg;
}
