// One side of the view: a stage's head and its graphics, drawn off the page and then put in its place.

import { button, layerHead } from "./controls.js";
import { h } from "./dom.js";
import { experiment } from "./experiment.js";
import { refusedDetail, refusedText } from "./refused.js";

/** The finished side of one model. */
export function drawSide(c) {
  const body = h("div", { class: "stage-body" });
  if (c.stage.missing) body.append(missing(c));
  else if (c.leftOut) body.append(...leftOut(c));
  else {
    try {
      c.stage.draw(body, c);
    } catch (error) {
      console.warn(error);
      body.replaceChildren(errorCard(c.words, error, () => c.app.draw()));
    }
  }
  const cut = c.run.source.cut ?? 0;
  return h("article", { class: "side", dataset: { part: c.part } }, experiment(c),
    ["source", "target"].filter((side) => c.run.shown?.[side] && c.run.shown[side][0] < c.run.shown[side][1]).map((side) => {
      const [shown, total] = c.run.shown[side];
      return h("p", { class: "window-banner" }, c.t("window.run", { side: c.t(`word.${side}`), shown, total }));
    }),
    cut > 0 && h("p", { class: "window-banner" }, c.t("window.cut", { count: cut })), body);
}

function missing(c) {
  return h("section", { class: "card card-note" }, h("h2", {}, c.t("missing.title")), h("p", {}, c.t("missing.words", { name: c.model.name, stage: c.t(`stage.${c.stage.id}.title`) })));
}

/** A saved page without the numbers of this view: what there is, and the way to a layer that may have been saved. */
function leftOut(c) {
  const ways = c.sizes.h ? layerHead(c, { kinds: c.stage.pass > 1, heads: c.stage.pass > 1 }) : null;
  return [ways, h("section", { class: "card card-note" }, h("h2", {}, c.t("left.title")), h("p", {}, c.t("refused.left_out")))].filter(Boolean);
}

/** What went wrong, and a way on. */
export function errorCard(words, error, again) {
  return h("section", { class: "card card-warn", role: "alert" }, h("h2", {}, words.t("error.title")), h("p", {}, refusedText(words, error)), refusedDetail(words, error),
    button({ label: words.t("error.again"), onClick: again }));
}
