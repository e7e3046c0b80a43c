// The rules for long sentences. Nothing is left out in silence: whoever shows a part says so.

const ALL_LABELS = 24; // up to here every label is written out
const ALL_CELLS = 64; // up to here every cell is shown; it is also the size of the window above it
const ZOOM = 200; // up to here an overview stands beside the window

/** How `total` rows or columns are shown: {mode, from, to, total}; a window lies around `focus`. */
export function windowFor(total, focus = 0) {
  if (total <= ALL_LABELS) return { mode: "all", from: 0, to: total, total };
  if (total <= ALL_CELLS) return { mode: "rotated", from: 0, to: total, total };
  const from = Math.max(0, Math.min(total - ALL_CELLS, Math.round(focus - ALL_CELLS / 2)));
  return { mode: total <= ZOOM ? "zoom" : "focus", from, to: from + ALL_CELLS, total };
}

/** The window, moved as little as possible so that `index` lies in it. */
export function moved(view, index) {
  if (index >= view.from && index < view.to) return view;
  const size = view.to - view.from;
  const from = index < view.from ? index : index - size + 1;
  return { ...view, from, to: from + size };
}

/** The largest label that a row of this many gets, in letters. */
export function labelLetters(mode) {
  return mode === "all" ? 14 : 7;
}
