// The beam as a tree that grows to the right: every step keeps the best few beginnings; the rest stay behind, grey.

import { h, s } from "./dom.js";

const WIDE = 108;
const BOX = 92;
const HIGH = 42;

/**
 * A beam tree. options: key; nodes: [{id, parent, step, piece, label, log_prob, score, prob, state}] with state live, pruned,
 * finished or best; onPick(node); step: the column to mark; format: {prob(x), score(x)}; names: {state: word}; label.
 */
export function tree(options) {
  const { nodes, onPick, step, format, names } = options;
  const places = arranged(nodes);
  const first = Math.min(...nodes.map((node) => node.step)); // a long search is drawn in part
  const columns = Math.max(...nodes.map((node) => node.step)) - first + 1;
  const rows = Math.max(0, ...places.values()) + 1;
  const width = columns * WIDE + 8;
  const height = rows * HIGH + 8;
  const at = (node) => [4 + (node.step - first) * WIDE, 4 + places.get(node.id) * HIGH];
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const links = nodes.filter((node) => byId.has(node.parent)).map((node) => {
    const [x2, y2] = at(node);
    const [x1, y1] = at(byId.get(node.parent));
    const from = x1 + BOX;
    const middle = (from + x2) / 2;
    return s("path", { class: `tree-link ${node.state}`, d: `M${from} ${y1 + 18}C${middle} ${y1 + 18} ${middle} ${y2 + 18} ${x2} ${y2 + 18}` });
  });
  const svg = s("svg", { class: "tree-links", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, links);
  const boxes = nodes.map((node) => {
    const [x, y] = at(node);
    const words = [
      h("bdi", { class: "tree-piece", lang: node.lang || null, dir: "auto" }, node.label),
      h("span", { class: "tree-score" }, format.prob(node.prob), node.finished ? ` · ${format.score(node.score)}` : ""),
    ];
    return h("button", {
      type: "button", class: `tree-node ${node.state}`, css: { left: `${x}px`, top: `${y}px` },
      "aria-label": `${node.label}, ${names[node.state]}, ${format.prob(node.prob)}, ${format.score(node.score)}`, onclick: () => onPick?.(node),
    }, ...words);
  });
  const now = nodes.some((node) => node.step === step) && h("div", { class: "tree-now", css: { left: `${(step - first) * WIDE}px`, width: `${BOX + 8}px` } });
  const plane = h("div", { class: "tree-plane", css: { width: `${width}px`, height: `${height}px` } }, now, svg, boxes);
  const box = h("div", { class: "tree", tabindex: "0", role: "group", "aria-label": options.label ?? null, dataset: { key: options.key ?? "tree" } }, plane);
  box.saveState = () => ({ left: box.scrollLeft, top: box.scrollTop });
  box.restoreState = (state) => { box.scrollLeft = state.left; box.scrollTop = state.top; };
  box.toSVG = () => drawn(nodes, at, links, { width, height, format });
  return box;
}

/** The row of each node: children lie beside their parent, the best child first; no two nodes of a step share a row. */
function arranged(nodes) {
  const children = new Map();
  for (const node of nodes) children.set(node.parent, [...(children.get(node.parent) ?? []), node]);
  const order = { best: 0, live: 1, finished: 2, pruned: 3 };
  const rows = new Map();
  const free = []; // the first free row of each step
  const place = (node, at) => {
    const row = Math.max(at, free[node.step] ?? 0);
    rows.set(node.id, row);
    free[node.step] = row + 1;
    const next = [...(children.get(node.id) ?? [])].sort((a, b) => order[a.state] - order[b.state] || b.log_prob - a.log_prob);
    next.forEach((child) => place(child, row));
  };
  const roots = nodes.filter((node) => !nodes.some((other) => other.id === node.parent));
  roots.sort((a, b) => order[a.state] - order[b.state] || b.log_prob - a.log_prob).forEach((node) => place(node, 0));
  return rows;
}

function drawn(nodes, at, links, { width, height, format }) {
  const svg = s("svg", { width, height, viewBox: `0 0 ${width} ${height}` }, s("g", {}, links.map((link) => link.cloneNode(true))));
  for (const node of nodes) {
    const [x, y] = at(node);
    svg.append(
      s("rect", { class: `tree-box ${node.state}`, x, y, width: BOX, height: 36, rx: 6 }),
      s("text", { class: "tree-text", x: x + 8, y: y + 15 }, node.label),
      s("text", { class: "tree-text small", x: x + 8, y: y + 29 }, format.prob(node.prob)),
    );
  }
  return svg;
}
