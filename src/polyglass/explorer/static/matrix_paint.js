// The picture of a matrix: where everything lies, and how it is painted, with any pen.

import { inkOn, pick, css } from "./colors.js";
import { fitted, textWidth } from "./pens.js";
import { clamp, extent, largest } from "./numbers.js";

const LABEL = 13; // size of row and column labels
const SMALL = 11;

/** Sizes of a picture that is `width` wide. view: {rows, columns} windows; labels: {rows, columns} or null each. */
export function layout(width, view, labels, options) {
  const rows = view.rows.to - view.rows.from;
  const columns = view.columns.to - view.columns.from;
  const small = Math.max(labels.rows ? rows : 0, labels.columns ? columns : 0) > 24;
  const size = small ? SMALL : LABEL;
  const left = labels.rows ? clamp(widest(labels.rows, size) + 10, 20, Math.min(width * 0.34, 132)) : 0;
  const space = width - left - 1;
  let cell = options.fit ? space / columns : clamp(Math.floor(space / columns), small ? 12 : 14, options.largest ?? 42);
  if (!options.fit && options.cell) cell = options.cell;
  const longest = labels.columns ? widest(labels.columns, size) : 0;
  const flat = labels.columns && longest + 4 <= cell;
  const most = small ? 62 : 96;
  const overhang = labels.columns && !flat ? Math.ceil(Math.min(longest, most) * 0.56) : 0;
  if (overhang && !options.cell) cell = clamp(Math.floor((space - overhang) / columns), small ? 12 : 14, cell);
  const top = !labels.columns ? (options.bands ? 16 : 0) : flat ? 20 : clamp(longest * 0.9 + 12, 24, most);
  const high = options.height ?? (options.fit ? 18 : cell);
  return {
    left, top, cell, high, size, flat, overhang, rows, columns,
    width: Math.ceil(cell * columns) + 1, height: Math.ceil(high * rows) + 1,
    gap: cell >= 14 && high >= 14 ? 1 : 0, bottom: options.fit && options.ruler !== false ? 18 : 0,
  };
}

function widest(labels, size) {
  return Math.ceil(Math.max(0, ...labels.map((label) => textWidth(label, size))));
}

/** The labels of the rows, right-aligned in a column of their own. */
export function paintRowLabels(pen, place, labels, look) {
  const each = Math.ceil((place.size + 1) / place.high); // where rows are low, only some have room for a label
  labels.forEach((label, row) => {
    if (row % each && row !== look.strongRow) return;
    const strong = look.strongRow === row;
    const style = { size: place.size, fill: look.ink, anchor: "end", weight: strong ? 650 : 400 };
    pen.text(place.left - 7, place.top + (row + 0.5) * place.high, fitted(label, place.left - 8, place.size), style);
  });
}

/** The labels of the columns, flat where they fit, else leaning. */
export function paintColumnLabels(pen, place, labels, look) {
  labels.forEach((label, column) => {
    const x = (column + 0.5) * place.cell;
    const style = { size: place.size, fill: look.ink, weight: look.strongColumn === column ? 650 : 400 };
    if (place.flat) pen.text(x, place.top - 10, label, { ...style, anchor: "middle" });
    else pen.text(x + 2, place.top - 7, fitted(label, place.top * 1.15, place.size), { ...style, turn: -55 });
  });
}

/** The cells. valueAt(row, column), maskedAt(row, column): false, true, "stripes" or "dots"; scale: {name, low, high}. */
export function paintCells(pen, place, source, look) {
  const { valueAt, maskedAt, scale } = source;
  const colourAt = (row, column) => pick(scale.name, share(valueAt(row, column), scale), look.mode);
  if (place.cell < 4 || place.rows * place.columns > 6000) {
    paintFine(pen, place, source, look, colourAt);
  } else {
    const digits = place.cell >= 20 && place.high >= 17 && source.digits;
    for (let row = 0; row < place.rows; row++) {
      for (let column = 0; column < place.columns; column++) {
        const x = column * place.cell;
        const y = place.top + row * place.high;
        const wide = place.cell - place.gap;
        const high = place.high - place.gap;
        const mask = maskedAt(row, column);
        if (mask) {
          hatch(pen, { x, y, wide, high }, look, mask);
          if (source.maskedWords && row === look.strongRow && place.cell >= 42 && high >= 20) plate(pen, x + wide / 2, y + high / 2, source.maskedWords, look);
          continue;
        }
        const colour = colourAt(row, column);
        pen.rect(x, y, wide, high, css(colour));
        if (!digits) continue;
        const style = { size: place.cell >= 33 ? SMALL : 9.5, fill: inkOn(colour), anchor: "middle" };
        pen.text(x + wide / 2, y + high / 2, source.digits(valueAt(row, column)), style);
      }
    }
  }
  (look.bands ?? []).forEach((band) => {
    pen.rect(band.from * place.cell, place.top - 6, (band.to - band.from) * place.cell - 1, 4, band.paint);
  });
}

/** Many cells, as one image. Where a pixel stands for several numbers it shows the one furthest from zero. */
function paintFine(pen, place, source, look, colourAt) {
  const each = columnsPerPixel(place);
  const columns = Math.ceil(place.columns / each);
  const strongest = (row, from) => {
    let best = from;
    for (let column = from + 1; column < Math.min(from + each, place.columns); column++) {
      if (Math.abs(source.valueAt(row, column)) > Math.abs(source.valueAt(row, best))) best = column;
    }
    return colourAt(row, best);
  };
  const gap = place.high >= 14 && place.rows < 64 ? 2 : 0;
  for (let row = 0; row < place.rows; row++) {
    const y = place.top + row * place.high;
    pen.image(0, y, place.cell * place.columns, place.high - gap, columns, 1, (_, column) => strongest(row, column * each));
  }
  for (let row = 0; row < place.rows; row++) {
    for (let column = 0; column < place.columns; column++) {
      const mask = source.maskedAt(row, column);
      if (mask) hatch(pen, { x: column * place.cell, y: place.top + row * place.high, wide: place.cell, high: place.high - gap }, look, mask);
    }
  }
}

/** How many numbers share one pixel of a fine picture. */
export function columnsPerPixel(place) {
  return Math.max(1, Math.floor(0.75 / place.cell));
}

/** Words on a plate of paper, so that they can be read over a pattern. */
function plate(pen, x, y, words, look) {
  const wide = textWidth(words, 10) + 6;
  pen.rect(x - wide / 2, y - 8, wide, 16, look.paper);
  pen.text(x, y, words, { size: 10, fill: look.ink, anchor: "middle" });
}

/** A cell that nobody may look at: not a colour but a pattern. kind: "dots" for the future, else stripes. */
function hatch(pen, { x, y, wide, high }, look, kind) {
  pen.rect(x, y, wide, high, look.paper);
  if (kind === "dots") {
    for (let top = 4; top < high; top += 7) for (let left = 4; left < wide; left += 7) pen.rect(x + left - 1, y + top - 1, 2, 2, look.edge);
    if (high < 6 || wide < 6) pen.rect(x + wide / 2 - 0.5, y + high / 2 - 0.5, 1, 1, look.edge);
    return;
  }
  const step = 5;
  for (let offset = step; offset < wide + high; offset += step) {
    const x1 = Math.max(0, offset - high);
    const y1 = Math.min(high, offset);
    const x2 = Math.min(wide, offset);
    const y2 = Math.max(0, offset - wide);
    pen.line(x + x1, y + y1, x + x2, y + y2, look.edge, 1);
  }
}

/** The map of colours and its ends: {name, low, high}. */
export function scaleOf(scale, domain, data) {
  const name = scale === "sequential" ? "weights" : scale;
  if (domain) return { name, low: domain[0], high: name === "signed" ? Math.max(Math.abs(domain[0]), domain[1]) : domain[1] };
  if (name === "signed") return { name, low: -1, high: largest(data.data) || 1 };
  if (scale === "weights") return { name, low: 0, high: 1 };
  const [low, high] = extent(data.data);
  return { name, low, high: high > low ? high : low + 1 };
}

/** Where a number lies on its scale: 0 to 1, or -1 to 1 where the scale has signs. */
export function share(value, scale) {
  if (!Number.isFinite(value)) return value > 0 ? 1 : scale.name === "signed" ? -1 : 0;
  if (scale.name === "signed") return scale.high ? clamp(value / scale.high, -1, 1) : 0;
  return scale.high > scale.low ? clamp((value - scale.low) / (scale.high - scale.low), 0, 1) : 0;
}
