// Numbers to colours. Lightness alone carries the order, so the maps can be read without colour vision and in print;
// zero is the colour of the paper. Kinds of things get their colour from the style sheet.

const MAPS = {
  light: {
    weights: ["#f1f2ee", "#d3e3da", "#9fcabf", "#5fa3a6", "#2c7390", "#1a4a78", "#132a55"],
    signed: ["#6b3303", "#a9601a", "#d9a565", "#f1f2ee", "#7fc0b4", "#25857a", "#064c45"],
    energy: ["#f1f2ee", "#efdcc0", "#e6b384", "#cf7f52", "#a64c3a", "#732a31", "#451527"],
  },
  dark: {
    weights: ["#1d222b", "#1c3b58", "#20597a", "#2c7e8f", "#56a893", "#a8cf93", "#f6edaa"],
    signed: ["#ffd9a0", "#e09a48", "#8a5a24", "#1d222b", "#1d6a66", "#35b5a6", "#b9f5e6"],
    energy: ["#1d222b", "#43262f", "#73343a", "#a94f41", "#d97b50", "#f0b277", "#fde8c2"],
  },
};
const cache = new Map();

/** "light" or "dark": what the page shows now. */
export function theme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** 256 colours of a map as [r, g, b], from low to high. Names: weights, energy (0 to 1), signed (-1 to 1). */
export function table(name, mode = theme()) {
  const key = `${mode}.${name}`;
  if (!cache.has(key)) cache.set(key, spread(MAPS[mode][name === "sequential" ? "weights" : name].map(parsed)));
  return cache.get(key);
}

/** The colour of a number between 0 and 1 (signed: between -1 and 1) as text for CSS. */
export function ramp(name, value, mode = theme()) {
  return css(pick(name, value, mode));
}

/** The whole map from low to high, for a legend. */
export function gradientOf(name) {
  const stops = Array.from({ length: 13 }, (_, index) => ramp(name, name === "signed" ? index / 6 - 1 : index / 12));
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** The same as [r, g, b]. */
export function pick(name, value, mode = theme()) {
  const place = name === "signed" ? (value + 1) / 2 : value;
  return table(name, mode)[Math.max(0, Math.min(255, Math.round(place * 255)))];
}

export function css([r, g, b]) {
  return `rgb(${r} ${g} ${b})`;
}

/** Black or white, whichever can be read better on this colour. */
export function inkOn([r, g, b]) {
  return luminance([r, g, b]) > 0.179 ? "#000000" : "#ffffff";
}

/** Relative luminance as WCAG defines it. */
export function luminance(rgb) {
  const [r, g, b] = rgb.map((x) => (x <= 10 ? x / 255 / 12.92 : ((x / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** The colour of a kind of thing, such as "query", as the style sheet has it now. */
export function colour(kind) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${kind}`).trim() || "currentColor";
}

const HEADS = 8;

/** The colour of a head (or of any series): after eight they come round again. */
export function headColour(index) {
  return `var(--head-${index % HEADS})`;
}

function parsed(text) {
  return [1, 3, 5].map((from) => parseInt(text.slice(from, from + 2), 16));
}

function spread(stops) {
  return Array.from({ length: 256 }, (_, index) => {
    const place = (index / 255) * (stops.length - 1);
    const left = Math.min(Math.floor(place), stops.length - 2);
    const share = place - left;
    return stops[left].map((x, axis) => Math.round(x + (stops[left + 1][axis] - x) * share));
  });
}
