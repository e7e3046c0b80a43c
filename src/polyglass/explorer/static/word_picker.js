// "Which word?": a row of pieces with its question above it, as the stages of passes 2 and 3 ask it.

import { h } from "./dom.js";
import { tokens } from "./tokens.js";

/** A picker of one word. options: key, title, tokens, picked, onPick(index), colour: a kind. */
export function wordPicker(c, { key, title, tokens: all, picked, onPick, colour }) {
  return h("div", { class: "picker-block" }, h("h3", { class: "picker-title" }, title),
    tokens({ key: `${c.part}-${key}`, tokens: all, picked, onPick, colour, label: title }));
}
