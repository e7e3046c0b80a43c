// Attention as threads between two columns of words: the same numbers as the matrix, for the eye that follows a word.

import { h, onResize, s } from "./dom.js";
import { topK } from "./numbers.js";
import { textWidth } from "./pens.js";

const ROW = 26;
const MANY = { row: 19, threshold: 0.05, top: 3 };

/**
 * Arcs. options: key; left, right: tokens; weights: Tensor [L, R]; focus: row of the left column or null; threshold: the
 * smallest weight that is drawn; top: at most so many threads for each row; colour: a kind; onPick(row); label.
 */
export function arcs(options) {
  const many = Math.max(options.left.length, options.right.length) > 24;
  const tooMany = Math.max(options.left.length, options.right.length) > 64;
  const rules = {
    row: many ? MANY.row : ROW,
    threshold: options.threshold ?? (many ? MANY.threshold : 0.02),
    top: options.top ?? (many ? MANY.top : Infinity),
    only: options.focus ?? (tooMany ? 0 : null),
  };
  const svg = s("svg", { class: "arcs-svg", role: "img", "aria-label": options.label ?? "" });
  const box = h("div", { class: "arcs", dataset: options.key ? { key: options.key } : {} }, svg);
  onResize(box, (width) => draw(svg, Math.min(width, 720), options, rules));
  box.toSVG = () => svg.cloneNode(true);
  box.svg = svg;
  return box;
}

/** The threads that are drawn: [row, column, weight]. */
export function threads(weights, { threshold, top, only }) {
  const drawn = [];
  for (let row = 0; row < weights.shape[0]; row++) {
    if (only !== null && only !== undefined && row !== only) continue;
    const numbers = weights.row(row);
    const kept = topK(numbers, Math.min(top, numbers.length)).filter((column) => numbers[column] >= threshold);
    for (const column of kept) drawn.push([row, column, numbers[column]]);
  }
  return drawn;
}

function draw(svg, width, options, rules) {
  const { left, right, weights, focus, colour = "attention", onPick } = options;
  const widest = Math.max(...[...left, ...right].map((token) => textWidth(token.label, 13)));
  const margin = Math.min(Math.max(40, widest + 16), width * 0.36);
  const rows = Math.max(left.length, right.length);
  const height = rows * rules.row + 8;
  const y = (count, index) => 4 + (rows - count) * rules.row * 0.5 + (index + 0.5) * rules.row;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  const lines = threads(weights, rules).map(([row, column, weight]) => {
    const [y1, y2] = [y(left.length, row), y(right.length, column)];
    const [x1, x2] = [margin + 6, width - margin - 6];
    const middle = (x1 + x2) / 2;
    const path = s("path", { class: "arc", d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`, "stroke-width": (0.6 + 7 * weight).toFixed(2) });
    path.style.stroke = `var(--${colour})`;
    path.style.opacity = String((focus === null || focus === undefined ? 0.12 : 0.25) + 0.75 * weight);
    return path;
  });
  const words = (tokens, x, anchor, pickable) => tokens.map((token, index) => {
    const chosen = pickable && index === focus;
    const text = s("text", {
      class: `arc-word${chosen ? " chosen" : ""}`, x, y: y(tokens.length, index) + 4, "text-anchor": anchor, lang: token.lang || null,
      onclick: pickable && onPick ? () => onPick(index) : null,
    }, shortened(token.label, margin));
    return text;
  });
  svg.replaceChildren(s("g", {}, lines), s("g", { class: onPick ? "pickable" : null }, words(left, margin - 2, "end", true)), s("g", {}, words(right, width - margin + 2, "start", false)));
}

function shortened(label, room) {
  const most = Math.max(3, Math.floor(room / 7.6));
  const letters = Array.from(label);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : label;
}
