// Small controls with one look: segments, slider, switch, button, list.

import { h } from "./dom.js";

let count = 0;

/** One of a few. options: key, label, options: [[value, text]], value, onChange(value), quiet: true hides the label. */
export function choice({ key, label, options, value, onChange, quiet = false }) {
  const name = `choice-${count++}`;
  const group = h("fieldset", { class: "choice", dataset: key ? { key } : {} }, h("legend", { class: quiet ? "unseen" : null }, label),
    h("span", { class: "segments" }, options.map(([one, text]) => h("label", {},
      h("input", { type: "radio", name, value: one, checked: String(one) === String(value), onchange: () => onChange(one) }), h("span", {}, text)))));
  group.focus = () => group.querySelector("input:checked")?.focus({ preventScroll: true });
  return group;
}

/** A number on a line. options: key, label, min, max, step, value, format(value), onInput(value), onChange(value). */
export function slider({ key, label, min, max, step = 1, value, format = String, onInput, onChange }) {
  const shown = h("output", {}, format(value));
  const input = h("input", {
    type: "range", min, max, step, "aria-valuetext": format(value),
    oninput: () => {
      shown.textContent = format(Number(input.value));
      input.setAttribute("aria-valuetext", shown.textContent);
      onInput?.(Number(input.value));
    },
    onchange: () => onChange?.(Number(input.value)),
  });
  input.value = value;
  const box = h("label", { class: "slider", dataset: key ? { key } : {} }, h("span", {}, label), input, shown);
  box.focus = () => input.focus({ preventScroll: true });
  return box;
}

/** On or off. options: key, label, value, onChange(value), note. */
export function toggle({ key, label, value, onChange, note }) {
  const button = h("button", {
    type: "button", class: "toggle", role: "switch", "aria-checked": String(Boolean(value)), onclick: () => onChange(!value), dataset: key ? { key } : {},
  }, h("span", { class: "toggle-track", "aria-hidden": "true" }), h("span", {}, label, note && h("small", {}, note)));
  return button;
}

/** A button. options: key, label, onClick, primary, small. */
export function button({ key, label, onClick, primary = false, small = false, disabled = false, pressed }) {
  return h("button", {
    type: "button", class: `button${primary ? " primary" : ""}${small ? " small" : ""}`, onclick: onClick, disabled,
    "aria-pressed": pressed === undefined ? null : String(pressed), dataset: key ? { key } : {},
  }, label);
}

/** One of many. options: key, label, options: [[value, text]], value, onChange(value). */
export function picker({ key, label, options, value, onChange, quiet = false }) {
  const select = h("select", { onchange: () => onChange(select.value) },
    options.map(([one, text]) => h("option", { value: one, selected: String(one) === String(value) }, text)));
  const box = h("label", { class: "picker", dataset: key ? { key } : {} }, h("span", { class: quiet ? "unseen" : null }, label), select);
  box.focus = () => select.focus({ preventScroll: true });
  return box;
}

/** The layer of one stack. */
export function layerPicker(c, count, key = "layer") {
  const one = count > 8 ? picker : choice;
  return one({
    key, label: c.t("word.layer"), value: Math.min(c.state.layer, count - 1), onChange: (layer) => c.set({ layer: Number(layer) }),
    options: Array.from({ length: count }, (_, index) => [index, String(index + 1)]),
  });
}

/** The usual three: kind of attention, layer, head. show: {kinds, heads} false to leave one out. */
export function layerHead(c, { kinds = true, heads = true } = {}) {
  const layers = c.kind === "encoder" ? c.sizes.N_encoder : c.sizes.N_decoder;
  const numbers = (count) => Array.from({ length: count }, (_, index) => [index, String(index + 1)]);
  const place = { layer: Math.min(c.state.layer, layers - 1), head: Math.min(c.state.head, c.sizes.h - 1) };
  const few = (key, label, total) => (total > 8 ? picker : choice)({
    key, label, options: numbers(total), value: place[key], onChange: (value) => c.set({ [key]: Number(value) }),
  });
  return h("div", { class: "controls" },
    kinds && choice({
      key: "kind", label: c.t("word.attention"), value: c.kind, onChange: (kind) => c.set({ kind }),
      options: ["encoder", "decoder", "cross"].map((kind) => [kind, c.t(`kind.${kind}`)]),
    }),
    few("layer", c.t("word.layer"), layers), heads && few("head", c.t("word.head"), c.sizes.h));
}
