// One way to paint for the screen (canvas) and for a file (SVG): the picture that is saved is the picture that is seen.

import { s } from "./dom.js";

export const SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';

/** A canvas of this size in CSS pixels, sharp on every screen, and its pen. */
export function canvasPen(canvas, width, height) {
  const ratio = Math.min(devicePixelRatio || 1, 3);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return new CanvasPen(context);
}

class CanvasPen {
  constructor(context) {
    this.context = context;
  }

  rect(x, y, width, height, fill) {
    this.context.fillStyle = fill;
    this.context.fillRect(x, y, width, height);
  }

  outline(x, y, width, height, stroke, thick = 1) {
    this.context.strokeStyle = stroke;
    this.context.lineWidth = thick;
    this.context.strokeRect(x, y, width, height);
  }

  line(x1, y1, x2, y2, stroke, thick = 1) {
    this.context.strokeStyle = stroke;
    this.context.lineWidth = thick;
    this.context.beginPath();
    this.context.moveTo(x1, y1);
    this.context.lineTo(x2, y2);
    this.context.stroke();
  }

  /** anchor: start, middle or end. turn: degrees clockwise. */
  text(x, y, words, { size = 13, fill, anchor = "start", turn = 0, weight = 400 }) {
    const context = this.context;
    context.save();
    context.translate(x, y);
    context.rotate((turn * Math.PI) / 180);
    context.font = `${weight} ${size}px ${SANS}`;
    context.fillStyle = fill;
    context.textAlign = anchor === "middle" ? "center" : anchor === "end" ? "right" : "left";
    context.textBaseline = "middle";
    context.fillText(words, 0, 0);
    context.restore();
  }

  /** Rows of colours, one for each cell, stretched without smoothing. */
  image(x, y, width, height, columns, rows, colourAt) {
    const small = new OffscreenCanvas(columns, rows);
    const pixels = new ImageData(columns, rows);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        pixels.data.set([...colourAt(row, column), 255], 4 * (row * columns + column));
      }
    }
    small.getContext("2d").putImageData(pixels, 0, 0);
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(small, x, y, width, height);
  }
}

/** A pen that writes SVG elements into `svg`. */
export class SvgPen {
  constructor(svg) {
    this.svg = svg;
  }

  rect(x, y, width, height, fill) {
    this.svg.append(s("rect", { x: round(x), y: round(y), width: round(width), height: round(height), fill }));
  }

  outline(x, y, width, height, stroke, thick = 1) {
    const size = { x: round(x), y: round(y), width: round(width), height: round(height) };
    this.svg.append(s("rect", { ...size, fill: "none", stroke, "stroke-width": thick }));
  }

  line(x1, y1, x2, y2, stroke, thick = 1) {
    const ends = { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2) };
    this.svg.append(s("line", { ...ends, stroke, "stroke-width": thick }));
  }

  text(x, y, words, { size = 13, fill, anchor = "start", turn = 0, weight = 400 }) {
    const place = `translate(${round(x)} ${round(y)})${turn ? ` rotate(${turn})` : ""}`;
    const look = { "font-size": size, "font-family": SANS, "font-weight": weight, fill, "text-anchor": anchor };
    this.svg.append(s("text", { transform: place, "dominant-baseline": "central", ...look }, words));
  }

  image(x, y, width, height, columns, rows, colourAt) {
    const wide = width / columns;
    const high = height / rows;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const [r, g, b] = colourAt(row, column);
        this.rect(x + column * wide, y + row * high, wide + 0.05, high, `rgb(${r},${g},${b})`);
      }
    }
  }
}

const ruler = { context: null };

/** How wide a text is on the screen. */
export function textWidth(words, size = 13) {
  ruler.context ??= document.createElement("canvas").getContext("2d");
  ruler.context.font = `${size}px ${SANS}`;
  return ruler.context.measureText(words).width;
}

/** The text, or its beginning and an ellipsis, so that it is no wider than `width`. */
export function fitted(words, width, size = 13) {
  if (textWidth(words, size) <= width) return words;
  const letters = Array.from(words);
  while (letters.length > 1 && textWidth(`${letters.join("")}…`, size) > width) letters.pop();
  return `${letters.join("")}…`;
}

function round(x) {
  return Math.round(x * 100) / 100;
}
