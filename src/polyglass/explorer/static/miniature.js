// Numbers as a small picture without labels or keys: one pixel for each number, stretched by the style sheet.
// What it shows stands beside it in words, so it is hidden from screen readers.

import { pick } from "./colors.js";
import { h } from "./dom.js";
import { share } from "./matrix_paint.js";

/** A picture of rows × columns numbers. options: rows, columns, valueAt(row, column), scale: {name, low, high}, pale. */
export function miniature(options) {
  const element = document.createElement("pg-miniature");
  element.options = options;
  if (options.pale) element.classList.add("pale");
  element.setAttribute("aria-hidden", "true");
  return element;
}

/** One vector as a miniature; `high` is the size of the number that gets the full colour. */
export function vectorMiniature(values, high) {
  const scale = { name: "signed", low: -high, high };
  return miniature({ rows: 1, columns: values.length, valueAt: (_, column) => values[column], scale });
}

class MiniatureElement extends HTMLElement {
  connectedCallback() {
    this.canvas ??= h("canvas", {});
    this.replaceChildren(this.canvas);
    this.paint();
    this.onTheme = () => this.paint();
    addEventListener("pg-theme", this.onTheme);
  }

  disconnectedCallback() {
    removeEventListener("pg-theme", this.onTheme);
  }

  paint() {
    const { rows, columns, valueAt, scale } = this.options;
    this.canvas.width = columns;
    this.canvas.height = rows;
    const pixels = new ImageData(columns, rows);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const rgb = pick(scale.name, share(valueAt(row, column), scale));
        pixels.data.set([...rgb, 255], 4 * (row * columns + column));
      }
    }
    this.canvas.getContext("2d").putImageData(pixels, 0, 0);
  }
}

customElements.define("pg-miniature", MiniatureElement);
