// A matrix as a grid of colours on a canvas. Arrow keys walk over the cells, Enter pins one, Esc leaves.

import { colour, gradientOf, theme } from "./colors.js";
import { h, onResize } from "./dom.js";
import { labelLetters, moved, windowFor } from "./long.js";
import { clamp } from "./numbers.js";
import { layout, paintCells, paintColumnLabels, paintRowLabels, scaleOf } from "./matrix_paint.js";
import { drawnMatrix, overview, windowWords } from "./matrix_window.js";
import { canvasPen } from "./pens.js";

/**
 * A matrix. options: key; data: Tensor of rank 2; rows, cols: tokens or strings, or null; scale: weights, sequential, energy, signed;
 * domain: [low, high]; masked(row, col): true, "stripes" or "dots"; maskedWords: what stands in a masked cell with room; rowTitle, colTitle; pinned: {row, col} or null; onPin(row, col), onFocus(row, col);
 * describe(row, col, value): the words of one cell; words: Words, for numbers and for what the grid itself says;
 * fit: as wide as there is room (vectors); height, cell, largest: sizes in pixels; bands: [{from, to, colour}]; label: name;
 * readout: an element that several share for the words of the cell, which else stand below; ruler: false leaves out the indexes.
 */
export function matrix(options) {
  const element = document.createElement("pg-matrix");
  element.options = options;
  if (options.key) element.dataset.key = options.key;
  return element;
}

class MatrixElement extends HTMLElement {
  connectedCallback() {
    if (this.grid) return;
    this.cursor = { row: this.options.pinned?.row ?? 0, column: this.options.pinned?.col ?? 0 };
    this.clampCursor();
    const [rows, columns] = this.shape;
    this.view = { rows: windowFor(rows, this.cursor.row), columns: windowFor(columns, this.cursor.column) };
    if (this.options.fit) this.view.columns = { mode: "all", from: 0, to: columns, total: columns };
    this.build();
    this.watcher = onResize(this, (width) => this.paint(width));
    this.onTheme = () => this.lastWidth && this.paint(this.lastWidth);
    addEventListener("pg-theme", this.onTheme);
  }

  disconnectedCallback() {
    this.watcher?.disconnect();
    removeEventListener("pg-theme", this.onTheme);
  }

  get shape() {
    return this.options.data.shape;
  }

  build() {
    const { options } = this;
    const [rows, columns] = this.shape;
    this.cellNode = h("div", { role: "gridcell", id: `cell-${MatrixElement.count++}` });
    this.rowNode = h("div", { role: "row" }, this.cellNode);
    this.labels = h("canvas", { class: "matrix-labels", "aria-hidden": "true" });
    this.cells = h("canvas", { class: "matrix-cells", "aria-hidden": "true" });
    this.over = h("canvas", { class: "matrix-over", "aria-hidden": "true" });
    this.grid = h("div", {
      class: "matrix-grid", role: "grid", tabindex: "0", "aria-label": options.label ?? options.key ?? "",
      "aria-rowcount": rows, "aria-colcount": columns, "aria-activedescendant": this.cellNode.id, "aria-readonly": "true",
      onkeydown: (event) => this.onKey(event), onfocus: () => this.moveTo(this.cursor.row, this.cursor.column),
      onblur: () => this.paintOver(), onclick: (event) => this.onClick(event),
      onpointermove: (event) => this.hover(this.cellUnder(event)), onpointerleave: () => this.hover(null),
    }, h("div", { class: "unseen" }, this.rowNode), this.labels, h("div", { class: "matrix-plane" }, this.cells, this.over));
    this.readout = options.readout ?? h("p", { class: "readout" });
    this.banner = h("p", { class: "window-banner", hidden: true });
    const axis = (kind, sign, title) => title && h("p", { class: `axis axis-${kind}` }, h("span", { "aria-hidden": "true" }, `${sign} `), title);
    this.append(...[
      axis("columns", "→", options.colTitle), this.banner, h("div", { class: "matrix-scroll" }, this.grid), axis("rows", "↓", options.rowTitle),
      !options.readout && h("div", { class: "matrix-foot" }, this.readout, this.legend()),
    ].filter(Boolean));
    this.tell(this.cursor.row, this.cursor.column);
  }

  /** What the colours mean: the map from its lowest to its highest number. */
  legend() {
    if (this.options.legend === false) return h("span");
    const scale = this.scale();
    const low = scale.name === "signed" ? -scale.high : scale.low;
    this.gradient = h("span", { class: "legend-bar" });
    return h("p", { class: "legend" }, h("span", {}, this.number(low)), this.gradient, h("span", {}, this.number(scale.high)));
  }

  /** True for shares of attention: written as percent. */
  get isWeights() {
    return (this.options.scale ?? "weights") === "weights";
  }

  scale() {
    return scaleOf(this.options.scale ?? "weights", this.options.domain, this.options.data);
  }

  labelsOf(tokens, view) {
    if (!tokens) return null;
    const most = labelLetters(view.mode);
    return tokens.slice(view.from, view.to).map((token) => {
      const letters = Array.from(typeof token === "string" ? token : token.label);
      return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : letters.join("");
    });
  }

  paint(width) {
    this.lastWidth = width;
    const { options, view } = this;
    const labels = { rows: this.labelsOf(options.rows, view.rows), columns: this.labelsOf(options.cols, view.columns) };
    this.place = layout(width, view, labels, options);
    const place = this.place;
    const look = this.look();
    this.labels.hidden = !labels.rows;
    if (labels.rows) paintRowLabels(canvasPen(this.labels, place.left, place.top + place.height), place, labels.rows, look);
    const pen = canvasPen(this.cells, place.width + place.overhang, place.top + place.height + place.bottom);
    if (labels.columns) paintColumnLabels(pen, place, labels.columns, look);
    paintCells(pen, place, this.source(), look);
    if (place.bottom) this.paintRuler(pen, place, look);
    if (this.gradient) this.gradient.style.background = gradientOf(this.scale().name);
    this.paintOver();
    this.tellWindow();
  }

  /** The indexes of a vector's numbers, below it. */
  paintRuler(pen, place, look) {
    const style = { size: 11, fill: look.quiet };
    const y = place.top + place.height + 9;
    pen.text(0, y, "0", style);
    pen.text(place.cell * place.columns, y, String(place.columns - 1), { ...style, anchor: "end" });
  }

  look() {
    const pinned = this.options.pinned;
    return {
      mode: theme(), ink: colour("ink"), quiet: colour("quiet"), edge: colour("hatch"), paper: colour("panel"),
      strongRow: pinned ? pinned.row - this.view.rows.from : -1,
      strongColumn: pinned ? pinned.col - this.view.columns.from : -1,
      bands: this.options.bands?.map((band) => ({ ...band, paint: resolved(band.colour) })),
    };
  }

  source() {
    const { data, masked, maskedWords, words } = this.options;
    const { rows, columns } = this.view;
    return {
      maskedWords,
      scale: this.scale(),
      valueAt: (row, column) => data.at(row + rows.from, column + columns.from),
      maskedAt: (row, column) => (masked ? masked(row + rows.from, column + columns.from) : false),
      digits: this.options.fit || !words ? null : (value) => (this.isWeights ? words.weight(value) : words.short(value)),
    };
  }

  /** What moves with pointer and keys: cross-hair, cursor, pin. */
  paintOver() {
    if (!this.place) return;
    const { place, view, options } = this;
    const pen = canvasPen(this.over, place.width, place.top + place.height);
    const box = (row, column, stroke, thick) => {
      const x = (column - view.columns.from) * place.cell;
      const y = place.top + (row - view.rows.from) * place.high;
      const wide = Math.max(place.cell - place.gap, 3);
      const high = place.high - place.gap;
      const [weight, inset] = Math.min(wide, high) < 10 ? [1.5, -1.5] : [thick, thick / 2 - 0.5]; // around a small cell, not over its colour
      pen.outline(x + inset, y + inset, wide - 2 * inset, high - 2 * inset, stroke, weight);
    };
    const ink = colour("ink");
    const inView = ({ row, column }) => row >= view.rows.from && row < view.rows.to && column >= view.columns.from && column < view.columns.to;
    const pin = options.pinned && { row: options.pinned.row, column: options.pinned.col };
    if (pin && inView(pin)) {
      pen.outline(0.5, place.top + (pin.row - view.rows.from) * place.high - 0.5, place.width - 1, place.high - place.gap + 1, ink, 1);
      box(pin.row, pin.column, ink, 3);
    }
    if (this.over1 && inView(this.over1)) box(this.over1.row, this.over1.column, ink, 2);
    if (this.grid.matches(":focus") && inView(this.cursor)) box(this.cursor.row, this.cursor.column, colour("focus"), 3);
  }

  /** Say which part of a large matrix is shown, with the whole beside it. */
  tellWindow() {
    const { words, data, label } = this.options;
    const shown = words && windowWords(words, this.view);
    this.banner.hidden = !shown;
    if (!shown) return;
    const source = { ...this.source(), valueAt: (row, column) => data.at(row, column), maskedAt: () => false };
    this.banner.replaceChildren(shown, overview(this.view, source, this.look(), (row, column) => this.jump(row, column), label));
  }

  jump(row, column) {
    const { rows, columns } = this.view;
    this.view = { rows: rows.total > rows.to - rows.from ? windowFor(rows.total, row) : rows, columns: columns.total > columns.to - columns.from ? windowFor(columns.total, column) : columns };
    this.cursor = { row, column };
    this.clampCursor();
    this.paint(this.lastWidth);
    this.tell(this.cursor.row, this.cursor.column);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [rows, columns] = this.shape;
    const { row, column } = this.cursor;
    const steps = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, columns - 1], PageUp: [row - 8, column], PageDown: [row + 8, column],
    };
    if (event.key in steps) this.moveTo(clamp(steps[event.key][0], 0, rows - 1), clamp(steps[event.key][1], 0, columns - 1));
    else if (event.key === "Enter") this.options.onPin?.(row, column);
    else if (event.key === "Escape") this.grid.blur();
    else return;
    event.preventDefault(); // the page sees that the key was taken
  }

  moveTo(row, column) {
    this.cursor = { row, column };
    const view = { rows: moved(this.view.rows, row), columns: moved(this.view.columns, column) };
    const turned = view.rows !== this.view.rows || view.columns !== this.view.columns;
    this.view = view;
    if (turned) this.paint(this.lastWidth);
    else this.paintOver();
    this.tell(row, column);
    this.options.onFocus?.(row, column);
  }

  clampCursor() {
    const [rows, columns] = this.shape.map((size) => Math.max(0, size - 1));
    this.cursor = { row: clamp(this.cursor.row, 0, rows), column: clamp(this.cursor.column, 0, columns) };
  }

  cellUnder(event) {
    if (!this.place) return null;
    const box = this.over.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.place.cell) + this.view.columns.from;
    const row = Math.floor((event.clientY - box.top - this.place.top) / this.place.high) + this.view.rows.from;
    const inside = row >= this.view.rows.from && row < this.view.rows.to && column >= this.view.columns.from && column < this.view.columns.to;
    return inside ? { row, column } : null;
  }

  hover(cell) {
    if (cell?.row === this.over1?.row && cell?.column === this.over1?.column) return;
    this.over1 = cell;
    this.paintOver();
    this.tell((cell ?? this.cursor).row, (cell ?? this.cursor).column);
  }

  onClick(event) {
    const cell = this.cellUnder(event);
    if (!cell) return;
    this.moveTo(cell.row, cell.column);
    this.options.onPin?.(cell.row, cell.column);
  }

  /** Say one cell: in the line below, and to a screen reader. */
  tell(row, column) {
    const [rows, columns] = this.shape;
    if (!rows || !columns) return;
    const words = this.words(row, column);
    this.readout.textContent = words;
    this.cellNode.textContent = words;
    this.rowNode.setAttribute("aria-rowindex", row + 1);
    this.cellNode.setAttribute("aria-colindex", column + 1);
  }

  words(row, column) {
    const { describe, data, rows, cols } = this.options;
    const value = data.at(row, column);
    if (describe) return describe(row, column, value);
    const name = (tokens, index) => (tokens ? tokens[index].label ?? tokens[index] : String(index));
    return `${name(rows, row)} × ${name(cols, column)}: ${this.number(value)}`;
  }

  number(value) {
    const { words } = this.options;
    if (!words) return String(Number(value.toPrecision(3)));
    return this.isWeights ? words.percent(value) : words.short(value);
  }

  /** What survives a redraw of the stage. */
  saveState() {
    return { cursor: this.cursor, scroll: this.querySelector(".matrix-scroll")?.scrollLeft ?? 0 };
  }

  restoreState({ cursor, scroll }) {
    this.cursor = cursor;
    this.clampCursor();
    this.querySelector(".matrix-scroll").scrollLeft = scroll;
    this.tell(this.cursor.row, this.cursor.column);
  }

  focus() {
    this.grid?.focus({ preventScroll: true });
  }

  toSVG() {
    const { options, view, place } = this;
    const labels = { rows: this.labelsOf(options.rows, view.rows), columns: this.labelsOf(options.cols, view.columns) };
    return drawnMatrix(place, labels, this.source(), this.look());
  }
}

MatrixElement.count = 0;
customElements.define("pg-matrix", MatrixElement);

/** A colour that a canvas understands: "var(--x)" looked up, everything else as it is. */
function resolved(text) {
  const name = /^var\((--[\w-]+)\)$/.exec(text ?? "");
  return name ? colour(name[1].slice(2)) : text;
}
