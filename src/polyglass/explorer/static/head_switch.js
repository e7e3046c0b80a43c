// Heads that can be switched off, and what the model then does with the same sentence: evidence, beside the picture.

import { button, toggle } from "./controls.js";
import { h } from "./dom.js";
import { figure } from "./figure.js";
import { pairs } from "./pairs.js";
import { headsOff, layerOf } from "./place.js";

/** The section: one switch for each head of the layer that is looked at, and the outcome. */
export function headSwitch(c) {
  const off = headsOff(c);
  const any = c.state.edits.some((edit) => edit.kind === "heads_off");
  return h("section", { class: "card card-plain switch", "aria-label": c.own("switch") },
    h("h2", {}, c.own("switch")), h("p", {}, c.own("switch.lead")),
    h("p", { class: "picker-title" }, c.own("switch.heads", { layer: layerOf(c) + 1, kind: c.t(`kind.${c.kind}`) })),
    !c.source.live && h("p", { class: "quiet-note" }, c.own("switch.saved")),
    c.source.live && h("div", { class: "controls switches" },
      Array.from({ length: c.sizes.h }, (_, head) => toggle({
        key: `${c.part}-off-${head}`, label: c.own("switch.label", { head: head + 1 }), value: !off.includes(head), onChange: () => c.runEdits(turned(c, head)),
      })),
      any && button({ key: `${c.part}-all-on`, label: c.own("switch.all_on"), small: true, onClick: () => c.runEdits(c.state.edits.filter((edit) => edit.kind !== "heads_off")) })),
    outcome(c, any));
}

/** The edits with one head of this attention turned on or off. */
function turned(c, head) {
  const off = headsOff(c);
  const heads = off.includes(head) ? off.filter((one) => one !== head) : [...off, head].sort((a, b) => a - b);
  const others = c.state.edits.filter((edit) => !(edit.kind === "heads_off" && edit.path === c.path));
  return heads.length ? [...others, { kind: "heads_off", path: c.path, heads }] : others;
}

function outcome(c, any) {
  const { baseline } = c.run;
  if (!any || !baseline) return c.source.live && h("p", { class: "quiet-note" }, c.own("switch.none"));
  const before = baseline.target.log_prob;
  const after = baseline.under_edit.log_prob;
  const values = {
    before: c.fixed(before, 2), after: c.fixed(after, 2), change: signed(c, after - before), factor: factor(c, Math.exp(after - before)),
  };
  const same = baseline.difference.same_output;
  const lang = c.model.target_lang;
  const said = (text) => h("bdi", { lang, dir: "auto" }, text);
  return [
    h("dl", { class: "before-after" },
      h("dt", {}, c.own("switch.before")), h("dd", {}, said(baseline.target.text), h("span", { class: "quiet" }, ` log p = ${values.before}`)),
      h("dt", {}, c.own("switch.after")), h("dd", {}, said(c.run.target.text), h("span", { class: "quiet" }, ` log p = ${c.fixed(c.run.target.log_prob, 2)}`))),
    figure(c, {
      id: "switch", title: c.own("switch.figure"),
      graphic: pairs({
        key: `${c.part}-switch`, names: [c.own("switch.on"), c.own("switch.off")], colours: ["quiet", "attention"], max: 1, format: (x) => c.percent(x),
        items: items(c, baseline),
      }),
      summary: c.own(same ? "switch.same" : "switch.different", values),
      table: () => ({
        columns: [c.own("alignment.out"), c.own("switch.on"), c.own("switch.off")],
        rows: items(c, baseline).map(({ token, a, b }) => [token, a, b]),
      }),
    }),
  ];
}

/** Each piece of the unchanged output: its probability with all heads, and under the edit. */
function items(c, { target, under_edit: under }) {
  return target.pieces.map((_, place) => ({
    token: { label: target.labels[place], lang: c.model.target_lang }, a: Math.exp(target.log_probs[place]), b: Math.exp(under.log_probs[place]),
    mark: Math.abs(target.log_probs[place] - under.log_probs[place]) > 0.5,
  }));
}

function signed(c, value) {
  return `${value > 0 ? "+" : ""}${c.fixed(value, 2)}`;
}

/** "0.85", or for small factors "1/120". */
function factor(c, value) {
  if (value >= 0.1) return c.short(value);
  return value === 0 ? "0" : `1/${c.short(1 / value)}`;
}
