// The same thing measured twice, line by line: two thin bars and two numbers for each word, and what changed.

import { colour as cssColour } from "./colors.js";
import { h, s } from "./dom.js";
import { SANS } from "./pens.js";

/** Pairs of bars. options: items: [{label, token, a, b, mark}]; names: [a, b]; colours: two kinds; max; format(value); label. */
export function pairs({ key, items, names, colours = ["quiet", "attention"], max, format = String, label }) {
  const full = max ?? Math.max(1e-12, ...items.flatMap(({ a, b }) => [a, b]));
  const bar = (value, kind) => h("span", { class: "pair-bar", "aria-hidden": "true", css: { "--share": String(Math.min(1, value / full)), "--bar": `var(--${kind})` } });
  const lines = items.map((item) => h("li", { class: `pair-line${item.mark ? " marked" : ""}` },
    h("bdi", { class: "bar-label", lang: item.token?.lang || null, dir: "auto" }, item.token?.label ?? item.label),
    h("span", { class: "pair-bars" }, bar(item.a, colours[0]), bar(item.b, colours[1])),
    h("span", { class: "pair-values" }, h("span", {}, format(item.a)), h("span", {}, format(item.b)))));
  const head = h("p", { class: "pair-names" }, names.map((name, index) =>
    h("span", {}, h("span", { class: "pair-key", "aria-hidden": "true", css: { "--bar": `var(--${colours[index]})` } }), name)));
  const box = h("div", { class: "pairs", dataset: key ? { key } : {} }, head, h("ol", { class: "pair-list", "aria-label": label ?? null }, lines));
  box.toSVG = () => drawn({ items, names, colours, full, format });
  return box;
}

function drawn({ items, names, colours, full, format }) {
  const high = 30;
  const height = (items.length + 1) * high;
  const svg = s("svg", { viewBox: `0 0 600 ${height}`, width: 600, height }, s("rect", { width: 600, height, fill: cssColour("panel") }));
  const text = (x, y, words, more = {}) => s("text", { x, y, "font-family": SANS, "font-size": 13, fill: cssColour("ink"), "dominant-baseline": "central", ...more }, words);
  names.forEach((name, index) => {
    const x = 142 + index * 210;
    svg.append(s("rect", { x, y: 10, width: 10, height: 10, fill: cssColour(colours[index]) }), text(x + 16, 15, name));
  });
  items.forEach((item, index) => {
    const y = (index + 1) * high;
    svg.append(text(132, y + high / 2, item.token?.label ?? item.label, { "text-anchor": "end" }));
    [item.a, item.b].forEach((value, which) => {
      const top = y + 4 + which * 11;
      svg.append(
        s("rect", { x: 142, y: top, width: 340 * Math.min(1, value / full), height: 9, fill: cssColour(colours[which]) }),
        text(492, top + 5, format(value), { "font-size": 11 }),
      );
    });
  });
  return svg;
}
