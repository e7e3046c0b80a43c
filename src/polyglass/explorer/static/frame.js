// Puts the drawn sides, the diagram, the words and the timeline on the page, and keeps focus and scrolling where they were.

import { diagram, stageList } from "./diagram.js";
import { h } from "./dom.js";
import { panel, plainWords } from "./panel.js";
import { stagesOf } from "./router.js";
import { timeline } from "./timeline.js";
import { bar, form } from "./top.js";

/** Show everything at once, after all numbers are there. */
export function drawFrame(app, contexts, sides) {
  const [c] = contexts;
  const kept = remember();
  const at = (stage, changes = {}) => app.addressOf({ ...changes, stage });
  drawTop(app, c.model, { text: c.run.text, written: c.run.target.text });
  put("map", [h("div", { class: "diagrams" }, contexts.map((one) => diagramOf(one, at, contexts.length > 1))), stageList(c, stagesOf(c.model), at)]);
  put("view", [head(c), h("div", { class: contexts.length > 1 ? "sides two" : "sides" }, sides.map((side, index) => (contexts.length > 1 ? labelled(contexts[index], side, c) : side))), steps(app, c, at)]);
  put("panel", contexts.filter((one, index) => !one.stage.missing && contexts.findIndex((other) => other.stage.id === one.stage.id) === index).flatMap((one) => panel(one)));
  put("timeline", timeline(contexts, app.player));
  document.title = `${c.t(`stage.${c.stage.id}.title`)} · polyglass`;
  document.body.dataset.sides = String(contexts.length);
  fitFormulas();
  restore(kept);
}

/** A formula that is too wide is set smaller, so that nobody has to scroll for its end. */
function fitFormulas() {
  for (const box of document.querySelectorAll(".formulas")) {
    const wide = box.scrollWidth / box.clientWidth;
    if (wide > 1) box.style.fontSize = `${Math.max(0.7, 0.97 / wide)}em`;
  }
}

/** The bar and the form; also when there is nothing else to show. */
export function drawTop(app, model, sentence) {
  put("bar", bar(app, model));
  put("ask", [form(app, model, sentence)]);
}

function diagramOf(c, at, named) {
  const part = typeof c.stage.part === "function" ? c.stage.part(c) : c.stage.part ?? "";
  return h("div", { class: "diagram-box-of" }, named && h("p", { class: "diagram-name" }, c.model.name), diagram(c, part, at));
}

function head(c) {
  const key = `stage.${c.stage.id}`;
  return h("header", { class: "stage-head" },
    h("p", { class: "stage-kicker" }, c.t("stage.kicker", { pass: c.t(`pass.${c.stage.pass}`), slot: c.stage.slot })),
    h("h1", { tabindex: "-1" }, c.t(`${key}.title`)), c.words.has(`${key}.lead`) && h("p", { class: "lead" }, c.rich(`${key}.lead`)),
    h("div", { class: "head-words" }, plainWords(c)));
}

/** A side with the name of its model, and that of its stage where it is another one than the first model's. */
function labelled(c, side, first) {
  const own = !c.stage.missing && c.stage.id !== first.stage.id;
  side.prepend(h("header", { class: "side-head" }, h("h2", {}, c.model.name, own && h("span", { class: "side-stage" }, ` · ${c.t(`stage.${c.stage.id}.title`)}`)), h("p", {}, h("bdi", { lang: c.model.target_lang, dir: "auto" }, c.run.target.text))));
  return side;
}

/** To the stage before and the one after. */
function steps(app, c, at) {
  const own = stagesOf(c.model);
  const here = own.findIndex((stage) => stage.slot === c.stage.slot);
  const link = (stage, key) => (stage ? h("a", { href: at(stage.slot), class: `step-link ${key}`, rel: key }, h("span", {}, c.t(`steps.${key}`)), h("strong", {}, c.t(`stage.${stage.id}.title`))) : h("span"));
  return h("nav", { class: "steps-nav", "aria-label": c.t("steps.label") }, link(own[here - 1], "prev"), link(own[here + 1], "next"));
}

function put(id, children) {
  document.getElementById(id).replaceChildren(...children.flat().filter(Boolean));
}

/** Focus, cursors and scrolling of everything that has a key. Two sides may use the same key. */
function remember() {
  const active = document.activeElement?.closest?.("[data-key]");
  const states = new Map([...document.querySelectorAll("[data-key]")].filter((element) => element.saveState).map((element) => [address(element), element.saveState()]));
  return { focused: active ? address(active) : null, states, stage: document.querySelector(".stage-head h1")?.textContent };
}

function address(element) {
  return `${element.closest(".side")?.dataset.part ?? ""} ${element.dataset.key}`;
}

function restore({ focused, states, stage }) {
  for (const element of document.querySelectorAll("[data-key]")) {
    const where = address(element);
    if (states.has(where)) element.restoreState?.(states.get(where));
    if (where === focused) element.focus({ preventScroll: true });
  }
  const now = document.querySelector(".stage-head h1").textContent;
  if (stage !== undefined && now !== stage) scrollTo({ top: 0 });
  bringIn(document.getElementById("map"), document.querySelector("#map .current"));
  for (const list of document.querySelectorAll("#timeline .steps")) bringIn(list, list.querySelector(".now"));
}

/** Scroll a box so far that an element in it is seen; the page itself stays where it is. */
function bringIn(box, element) {
  if (!element) return;
  const [outer, inner] = [box.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom + 8;
  if (inner.top < outer.top) box.scrollTop += inner.top - outer.top - 8;
  if (inner.right > outer.right) box.scrollLeft += inner.right - outer.right + 60;
  if (inner.left < outer.left) box.scrollLeft += inner.left - outer.left - 60;
}
