// A matrix that is too large to be shown whole: what is shown, and the whole, small; and its picture for a file.

import { colour } from "./colors.js";
import { h, s } from "./dom.js";
import { paintCells, paintColumnLabels, paintRowLabels } from "./matrix_paint.js";
import { canvasPen, SvgPen } from "./pens.js";

const OVERVIEW = 96; // pixels

/** The sentence that says which part is shown; null if it is all. */
export function windowWords(words, { rows, columns }) {
  const parts = [["row", rows], ["column", columns]].filter(([, view]) => view.to - view.from < view.total);
  if (!parts.length) return null;
  const said = parts.map(([kind, { from, to, total }]) => words.t(`window.${kind}s`, { from: from + 1, to, count: to - from, total }));
  return `${words.t("window.shown", { what: words.list(said) })} ${words.t("window.move")}`;
}

/** The whole matrix as a small picture with the window marked; a click moves the window. */
export function overview({ rows, columns }, source, look, jump, label) {
  const [wide, high] = [OVERVIEW * Math.min(1, columns.total / rows.total), OVERVIEW * Math.min(1, rows.total / columns.total)].map((size) => Math.max(24, size));
  const canvas = h("canvas", { class: "overview", role: "img", "aria-label": label ?? "", onclick: (event) => {
    const box = canvas.getBoundingClientRect();
    jump(Math.floor(((event.clientY - box.top) / box.height) * rows.total), Math.floor(((event.clientX - box.left) / box.width) * columns.total));
  } });
  const pen = canvasPen(canvas, wide, high);
  const place = { cell: wide / columns.total, high: high / rows.total, top: 0, rows: rows.total, columns: columns.total, gap: 0 };
  paintCells(pen, place, source, { ...look, bands: null });
  const box = [columns.from * place.cell, rows.from * place.high, (columns.to - columns.from) * place.cell, (rows.to - rows.from) * place.high];
  pen.outline(...box, colour("focus"), 2);
  return canvas;
}

/** The picture as SVG. */
export function drawnMatrix(place, labels, source, look) {
  const width = place.left + place.width + place.overhang;
  const height = place.top + place.height + place.bottom;
  const right = s("g", { transform: `translate(${place.left} 0)` });
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height }, s("rect", { width, height, fill: colour("panel") }), right);
  if (labels.rows) paintRowLabels(new SvgPen(svg), place, labels.rows, look);
  if (labels.columns) paintColumnLabels(new SvgPen(right), place, labels.columns, look);
  paintCells(new SvgPen(right), place, source, look);
  return svg;
}
