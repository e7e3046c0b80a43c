// "Which word?": a row of pieces with its question above it, as the stages of passes 2 and 3 ask it.

import { h } from "./dom.js";
import { tokens } from "./tokens.js";

/** A picker of one word. options: key, title, tokens, picked, onPick(index), colour: a kind. Where the word is one that the
 *  decoder read, the line below says what it is about to write. */
export function wordPicker(c, { key, title, tokens: all, picked, onPick, colour }) {
  return h("div", { class: "picker-block" }, h("h2", { class: "picker-title" }, title),
    tokens({ key: `${c.part}-${key}`, tokens: all, picked, onPick, colour, label: title }),
    all === c.inputTokens && h("p", { class: "note" }, c.t("picker.read", { word: all[picked].label, next: c.outputTokens[picked].label })));
}
