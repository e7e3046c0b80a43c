// The keys, in a dialog.

import { h } from "./dom.js";

const KEYS = [
  ["n p", "stage"], ["← →", "step"], ["Space", "play"], ["[ ]", "layer"], [", .", "head"], ["T", "table"], ["1 2 3", "level"],
  ["↑ ↓ ← →", "cell"], ["Enter", "pin"], ["Esc", "leave"], ["?", "help"],
];

/** Opens the dialog; closing gives the focus back. */
export function showHelp(words) {
  const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title", onclose: () => dialog.remove() },
    h("h2", { id: "help-title" }, words.t("help.title")),
    h("dl", {}, KEYS.map(([keys, name]) => [h("dt", {}, keys.split(" ").map((key) => h("kbd", {}, key === "Space" ? words.t("key.space") : key))), h("dd", {}, words.t(`help.${name}`))])),
    h("p", {}, words.t("help.address")),
    h("form", { method: "dialog" }, h("button", { class: "button primary", type: "submit" }, words.t("help.close"))));
  document.body.append(dialog);
  dialog.showModal();
}
