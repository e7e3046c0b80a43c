// The right side: what is seen, in plain words; the formula; the shapes in this model's own sizes.

import { h } from "./dom.js";
import { formula } from "./formula.js";
import { describe, product } from "./numbers.js";

/** What is seen, for somebody who has never heard of it: one or more paragraphs. */
export function plainWords(c) {
  const key = `stage.${c.stage.id}.learner`;
  const variant = c.stage.missing ? null : c.stage.variant?.(c); // e.g. the kind of positions: words and formulas of their own
  return [key, `${key}.${variant}`].flatMap((name) => c.words.paragraphs(name, valuesOf(c))).map((nodes) => h("p", {}, nodes));
}

function valuesOf(c) {
  return { ...c.sizes, ...(c.stage.missing || c.leftOut ? {} : c.stage.values?.(c)) };
}

/** The explanation of a stage at the level of the page. */
export function panel(c) {
  const key = `stage.${c.stage.id}`;
  const { words } = c;
  const values = valuesOf(c);
  const paragraphs = (name) => words.paragraphs(`${key}.${name}`, values).map((nodes) => h("p", {}, nodes));
  const variant = c.stage.variant?.(c);
  const pick = (name) => (variant && words.has(`${key}.${name}.${variant}`) ? `${key}.${name}.${variant}` : `${key}.${name}`);
  const formulas = words.has(pick("formula")) ? [words.texts[pick("formula")]].flat() : [];
  return [
    h("section", { class: "panel-part plain-words" }, h("h2", {}, c.t("panel.words")), plainWords(c)),
    formulas.length > 0 && h("section", { class: "panel-part" }, h("h2", {}, c.t("panel.formula")),
      h("div", { class: "formulas", tabindex: "0", role: "group", "aria-label": c.t("panel.formula") }, formulas.map((tex) => h("div", { class: "formula" }, formula(tex)))),
      words.has(pick("sizes")) && h("p", { class: "sizes" }, words.rich(pick("sizes"), values))),
    c.detail && words.has(`${key}.detail`) && h("section", { class: "panel-part" }, h("h2", {}, c.t("panel.detail")), paragraphs("detail")),
    words.has(`${key}.honest`) && h("section", { class: "panel-part honest" }, h("h2", {}, c.t("panel.honest")), paragraphs("honest")),
    c.debug && debugPart(c, key, paragraphs),
  ];
}

/** Paths, shapes and statistics of every tensor that the stage looks at. */
function debugPart(c, key, paragraphs) {
  const tensors = Object.values(c.tensors);
  return h("section", { class: "panel-part debug" }, h("h2", {}, c.t("panel.debug")),
    c.words.has(`${key}.debug`) && paragraphs("debug"),
    tensors.map((tensor) => {
      const facts = describe(tensor.data);
      return h("details", { class: "tensor" },
        h("summary", {}, h("code", {}, breakable(tensor.path)), h("span", { class: "shape" }, `[${tensor.shape.join(", ")}]`)),
        h("dl", {}, row(c, "numbers", c.words.integer(product(tensor.shape))), row(c, "low", c.short(facts.low)), row(c, "high", c.short(facts.high)),
          row(c, "mean", c.short(facts.mean)), row(c, "deviation", c.short(facts.deviation)), row(c, "zeros", c.percent(facts.zeros)), row(c, "strange", String(facts.strange))));
    }),
    h("dl", {}, row(c, "run", c.run.run), row(c, "time", `${c.fixed(c.app.store.last.milliseconds, 0)} ms`),
      row(c, "received", c.bytes(c.app.store.last.bytes)), row(c, "held", c.bytes(c.app.store.bytes))));
}

function row(c, name, value) {
  return [h("dt", {}, c.t(`debug.${name}`)), h("dd", {}, value)];
}

/** A path that may break after its points. */
function breakable(path) {
  return path.split(".").flatMap((part, index) => (index ? [".", h("wbr"), part] : [part]));
}
