// Windows over the page: the keys, and how to open the explorer where the page cannot do it.

import { copy, h } from "./dom.js";

const KEYS = [
  ["Ctrl Enter", "now"], ["Alt S", "swap"], ["Alt C", "copy"], ["Alt W", "words"], ["← → Home End", "walk"], ["Enter", "others"],
  ["Alt A", "alternatives"], ["Alt E", "explore"], ["Esc", "back"], ["?", "help"],
];

function open(words, title, ...content) {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() },
    h("h2", { id: "dialog-title" }, title), ...content,
    h("form", { method: "dialog" }, h("button", { class: "button primary", type: "submit" }, words.t("close"))));
  document.body.append(dialog);
  dialog.showModal();
}

export function showKeys(words) {
  open(words, words.t("keys.title"),
    h("dl", {}, KEYS.map(([keys, name]) => h("div", {}, h("dt", {}, keys.split(" ").map((one) => [h("kbd", {}, one), " "])), h("dd", {}, words.t(`keys.${name}`))))),
    h("p", { class: "quiet" }, words.t("keys.about")));
}

/** Say how to start the explorer by hand. */
export function showCommand(words, model, text, reason = "") {
  const quoted = `"${text.replace(/[\\"$`]/g, "\\$&")}"`;
  const command = `polyglass explore ${/^[\w./-]+$/.test(model) ? model : `"${model}"`} --text ${quoted}`;
  open(words, words.t("see.title"), reason ? h("p", {}, reason) : "", h("p", {}, words.t("see.elsewhere")), h("pre", { tabindex: "0" }, command),
    h("button", { type: "button", class: "button", onclick: (event) => { copy(command); event.target.textContent = words.t("see.copied"); } }, words.t("see.copy")));
}

/** A link, where the browser would not open a new tab by itself. */
export function showLink(words, url) {
  open(words, words.t("see.title"), h("p", {}, h("a", { href: url, target: "_blank", rel: "noopener" }, words.t("see.open"))));
}
