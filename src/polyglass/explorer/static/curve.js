// Lines and points in a plane, as SVG that grows with its place.

import { h, onResize, s } from "./dom.js";
import { clamp, extent, ticks } from "./numbers.js";
import { textWidth } from "./pens.js";

/**
 * Curves. options: key; series: [{name, points: [[x, y], ...], colour, dashed, dots, lineless}]; x, y: {label, domain, format, ticks};
 * cursor: x of a vertical line; height; onPick(x); label: what a screen reader says the picture is.
 */
export function curve(options) {
  return plot(options, (area, scales) => {
    const { series, cursor } = options;
    if (cursor !== undefined && cursor !== null) {
      area.append(s("line", { class: "plot-cursor", x1: scales.x(cursor), x2: scales.x(cursor), y1: scales.top, y2: scales.bottom }));
    }
    for (const { points, colour, dashed, dots, lineless } of series) {
      const path = points.map(([x, y], index) => `${index ? "L" : "M"}${scales.x(x).toFixed(1)} ${scales.y(y).toFixed(1)}`).join("");
      const line = s("path", { class: `plot-line${dashed ? " dashed" : ""}`, d: path });
      line.style.stroke = colour ?? "var(--attention)";
      if (!lineless) area.append(line);
      if (!dots) continue;
      for (const [x, y] of points) {
        const dot = s("circle", { class: "plot-dot", cx: scales.x(x), cy: scales.y(y), r: 3.2 });
        dot.style.fill = colour ?? "var(--attention)";
        area.append(dot);
      }
    }
  });
}

/**
 * Points with labels. options: key; points: [{x, y, label, lang, colour, big, id}]; onPick(point); label; x, y: axes.
 * Only some points have room for their name; the table of the figure names all of them.
 */
export function scatter(options) {
  return plot({ ...options, series: [{ points: options.points.map(({ x, y }) => [x, y]) }], square: true, bare: true }, (area, scales) => {
    const taken = [];
    const ordered = [...options.points].sort((a, b) => Number(Boolean(a.big)) - Number(Boolean(b.big)));
    for (const point of ordered) {
      const spot = s("circle", {
        class: `plot-spot${point.big ? " big" : ""}`, cx: scales.x(point.x), cy: scales.y(point.y), r: point.big ? 5 : 2.4,
        onclick: options.onPick ? () => options.onPick(point) : null,
      }, s("title", {}, point.label));
      spot.style.fill = point.colour ?? "var(--quiet)";
      area.append(spot);
    }
    for (const point of ordered.reverse()) {
      const place = roomFor(point, scales, taken);
      if (!place) continue;
      taken.push(place);
      area.append(s("text", { class: `plot-name${point.big ? " big" : ""}`, x: place.x, y: place.y + 4 }, point.label));
    }
  });
}

/** Where the name of a point can stand without touching another: right of it, left, below or above; null if nowhere. */
function roomFor({ x, y, label, big }, scales, taken) {
  const w = textWidth(label, big ? 12.5 : 11.5) + 3;
  const [left, top] = [scales.x(x), scales.y(y)];
  const tries = [[left + 7, top], ...(big ? [[left - 6 - w, top], [left - w / 2, top + 14], [left - w / 2, top - 14]] : [])];
  const free = ([from, at]) => from > 4 && from + w < scales.right + 8 && at > 8 && at < scales.bottom + 8
    && !taken.some((other) => Math.abs(other.y - at) < 13 && from < other.x + other.w && other.x < from + w);
  const found = tries.find(free);
  return found ? { x: found[0], y: found[1], w } : null;
}

function plot(options, drawInto) {
  const svg = s("svg", { class: "plot-svg", role: "img", "aria-label": options.label ?? "" });
  const box = h("div", { class: "plot", dataset: options.key ? { key: options.key } : {} }, svg, legend(options));
  onResize(box, (width) => {
    const height = options.height ?? (options.square ? clamp(width * 0.72, 240, 460) : 240);
    draw(svg, width, height, options, drawInto);
  });
  if (options.onPick && !options.square) {
    svg.addEventListener("click", (event) => {
      const bounds = svg.getBoundingClientRect();
      options.onPick(svg.unscale(event.clientX - bounds.left));
    });
  }
  box.toSVG = () => svg.cloneNode(true);
  box.svg = svg;
  return box;
}

function legend({ series, bare }) {
  const named = series.filter(({ name }) => name);
  if (bare || named.length < 2) return null;
  return h("ul", { class: "plot-legend" }, named.map(({ name, colour, dashed }) =>
    h("li", {}, h("span", { class: `plot-key${dashed ? " dashed" : ""}`, css: { "--bar": colour ?? "var(--attention)" } }), name)));
}

function draw(svg, width, height, { series, x = {}, y = {}, bare }, drawInto) {
  const all = series.flatMap(({ points }) => points);
  const xs = x.domain ?? padded(extent(all.map((point) => point[0])), 0);
  const ys = y.domain ?? padded(extent(all.map((point) => point[1])), 0.06);
  const marks = y.ticks ?? ticks(ys[0], ys[1], 4);
  const words = marks.map(y.format ?? plainNumber);
  const left = Math.ceil(Math.max(...words.map((text) => textWidth(text, 11.5)))) + (y.label ? 30 : 14);
  const edge = bare ? { left: 12, right: 12, top: 12, bottom: x.label ? 26 : 12 } : { left, right: 16, top: 12, bottom: x.label ? 40 : 24 };
  const scales = {
    x: (value) => edge.left + ((value - xs[0]) / (xs[1] - xs[0] || 1)) * (width - edge.left - edge.right),
    y: (value) => height - edge.bottom - ((value - ys[0]) / (ys[1] - ys[0] || 1)) * (height - edge.top - edge.bottom),
    top: edge.top, bottom: height - edge.bottom, right: width - edge.right,
  };
  svg.unscale = (pixel) => xs[0] + ((pixel - edge.left) / (width - edge.left - edge.right)) * (xs[1] - xs[0]);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  const area = s("g");
  if (bare) area.append(s("rect", { class: "plot-frame", x: 0.5, y: 0.5, width: width - 1, height: height - (x.label ? 20 : 1), rx: 6 }));
  else axes(area, { x, y, xs, marks, words, width, height, edge, scales });
  if (bare && x.label) area.append(s("text", { class: "plot-axis", x: width / 2, y: height - 4, "text-anchor": "middle" }, x.label));
  drawInto(area, scales);
  svg.replaceChildren(area);
}

function axes(area, { x, y, xs, marks, words, width, height, edge, scales }) {
  marks.forEach((value, index) => {
    const place = scales.y(value);
    area.append(
      s("line", { class: value === 0 ? "plot-zero" : "plot-grid", x1: edge.left, x2: width - edge.right, y1: place, y2: place }),
      s("text", { class: "plot-tick", x: edge.left - 7, y: place + 4, "text-anchor": "end" }, words[index]),
    );
  });
  for (const value of x.ticks ?? ticks(xs[0], xs[1], Math.max(2, Math.floor(width / 90)))) {
    const text = s("text", { class: "plot-tick", x: scales.x(value), y: height - edge.bottom + 17, "text-anchor": "middle" });
    text.append((x.format ?? plainNumber)(value));
    area.append(text);
  }
  if (x.label) area.append(s("text", { class: "plot-axis", x: (edge.left + width - edge.right) / 2, y: height - 5, "text-anchor": "middle" }, x.label));
  if (y.label) area.append(s("text", { class: "plot-axis", transform: `translate(11 ${(scales.top + scales.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label));
}

function plainNumber(value) {
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

function padded([low, high], share) {
  const room = (high - low || Math.abs(high) || 1) * share;
  return [low - room, high + room];
}
