// Numbers as horizontal bars, each a line of its own: label, bar, number. A line can be a button.

import { h, s } from "./dom.js";
import { SANS } from "./pens.js";
import { colour as cssColour } from "./colors.js";

/**
 * Bars. options: key; items: [{label, value, note, colour, token, mark, masked}]; max: the value of a full bar; format(value);
 * onPick(index); colour: a kind; label: name of the list. mark: true for the line that was chosen;
 * masked: true for one that may not be looked at.
 */
export function bars({ key, items, max, format = String, onPick, colour = "attention", label }) {
  const full = max ?? Math.max(...items.map(({ value }) => Math.abs(value)), 1e-12);
  const lines = items.map((item, index) => {
    const share = Math.min(1, Math.abs(item.value) / full);
    const inside = [
      h("bdi", { class: "bar-label", lang: item.token?.lang || null, dir: "auto" }, item.token ? item.token.label : item.label),
      h("span", { class: `bar-track${item.value < 0 ? " negative" : ""}${item.masked ? " masked" : ""}`, "aria-hidden": "true" },
        h("span", { class: "bar", css: { "--share": String(share), "--bar": `var(--${item.colour ?? colour})` } })),
      h("span", { class: "bar-value" }, format(item.value)),
      item.note && h("span", { class: "bar-note" }, item.note),
    ];
    const name = `bar-line${item.mark ? " marked" : ""}`;
    return h("li", {}, onPick
      ? h("button", { class: name, type: "button", "aria-pressed": String(Boolean(item.mark)), onclick: () => onPick(index) }, ...inside)
      : h("div", { class: name }, ...inside));
  });
  const list = h("ol", { class: "bars", "aria-label": label ?? null, dataset: key ? { key } : {} }, lines);
  list.toSVG = () => drawn(items, full, format, colour);
  return list;
}

function drawn(items, full, format, kind) {
  const high = 24;
  const svg = s("svg", { viewBox: `0 0 560 ${items.length * high + 8}`, width: 560, height: items.length * high + 8 });
  svg.append(s("rect", { width: 560, height: items.length * high + 8, fill: cssColour("panel") }));
  items.forEach((item, index) => {
    const y = 4 + index * high;
    const text = { "font-family": SANS, "font-size": 13, fill: cssColour("ink"), "dominant-baseline": "central", y: y + high / 2 };
    svg.append(
      s("text", { ...text, x: 132, "text-anchor": "end" }, item.token ? item.token.label : item.label),
      s("rect", { x: 142, y: y + 4, width: (340 * Math.abs(item.value)) / full, height: high - 8, rx: 2, fill: cssColour(item.colour ?? kind) }),
      s("text", { ...text, x: 492 }, format(item.value)),
    );
  });
  return svg;
}
