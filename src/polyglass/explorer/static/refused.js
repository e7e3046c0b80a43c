// Why something cannot be shown, in the words of this page; what the server itself said is kept for whoever mends it.

import { h } from "./dom.js";

/** The sentence for an error: the one of its name, or of its kind, or that the page itself failed. */
export function refusedText(words, error) {
  const names = [error.key, error.code].map((name) => `refused.${name}`);
  const values = Object.fromEntries(["limit", "value"].map((name) => [name, words.integer(error[name] ?? 0)]));
  return words.t(names.find((name) => words.has(name)) ?? "refused.page", { ...values, path: error.path });
}

/** The server's own words, folded away; null if there are none. */
export function refusedDetail(words, { message }) {
  return message ? h("details", { class: "technical" }, h("summary", {}, words.t("refused.detail")), h("code", { lang: "en" }, message)) : null;
}
