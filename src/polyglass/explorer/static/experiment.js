// While something is changed inside the model: what, and what came of it, in words and figures. On every stage.

import { button } from "./controls.js";
import { h } from "./dom.js";

/** The banner of an experiment, or null. */
export function experiment(c) {
  const { baseline, target } = c.run;
  const prefix = c.state.prefix ? c.state.prefix.split(",").length : 0;
  if (!c.state.edits.length && !prefix) return null;
  const what = [...c.state.edits.map((edit) => c.t(`edit.${edit.kind}`, { ...edit, heads: (edit.heads ?? []).map((head) => head + 1).join(", ") })), prefix ? c.t("edit.prefix", { count: prefix }) : null].filter(Boolean);
  const undo = button({ key: "undo-edits", label: c.t("edit.undo"), small: true, onClick: () => c.set({ edits: [], prefix: null }) });
  return h("section", { class: "experiment", "aria-label": c.t("edit.title") },
    h("div", { class: "experiment-head" }, h("strong", {}, c.t("edit.title")), h("span", {}, c.words.list(what)), undo),
    baseline && h("dl", { class: "before-after" },
      side(c, "edit.before", baseline.text, baseline.log_prob),
      side(c, baseline.text === target.text ? "edit.same" : "edit.after", target.text, target.log_prob)),
    baseline && h("p", { class: "summary" }, difference(c, baseline, target)));
}

function side(c, key, text, logProb) {
  return [h("dt", {}, c.t(key)), h("dd", {}, h("bdi", { lang: c.model.target_lang, dir: "auto" }, text || c.t("edit.empty")), h("span", { class: "quiet" }, ` log p = ${c.fixed(logProb, 2)}`))];
}

function difference(c, before, after) {
  const delta = after.log_prob - before.log_prob;
  const values = { delta: `${delta > 0 ? "+" : ""}${c.fixed(delta, 2)}`, factor: c.short(Math.exp(Math.abs(delta))) };
  if (Math.abs(delta) < 0.005) return c.t("edit.unchanged", values);
  return c.t(delta > 0 ? "edit.likelier" : "edit.unlikelier", values);
}
