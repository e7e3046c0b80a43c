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
      side(c, "edit.before", baseline.target), side(c, baseline.difference.same_output ? "edit.same" : "edit.after", target)),
    baseline && h("p", { class: "summary" }, difference(c, baseline)));
}

function side(c, key, { text, log_prob: logProb }) {
  return [h("dt", {}, c.t(key)), h("dd", {}, h("bdi", { lang: c.model.target_lang, dir: "auto" }, text || c.t("edit.empty")), h("span", { class: "quiet" }, ` log p = ${c.fixed(logProb, 2)}`))];
}

/** What the change does to the output that the unchanged model chose. */
function difference(c, { difference: found, under_edit: now, target: before }) {
  if (Math.abs(found.log_prob) < 0.005) return c.t("edit.unchanged");
  const { piece, from, to } = found.largest;
  const factor = Math.abs(found.log_prob) > 16 ? c.t("edit.factor.power", { power: Math.round(Math.abs(found.log_prob) / Math.LN10) }) : c.words.short(Math.exp(Math.abs(found.log_prob)), { whole: true });
  return c.t(found.log_prob > 0 ? "edit.likelier" : "edit.unlikelier", {
    factor, before: c.fixed(before.log_prob, 2), now: c.fixed(now.log_prob, 2), piece: piece.replace("▁", ""), from: c.percent(from), to: c.percent(to),
  });
}
