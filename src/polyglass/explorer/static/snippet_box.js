// "Copy as NumPy / PyTorch": the box below a step that hands it out as a program.

import { button, choice } from "./controls.js";
import { h } from "./dom.js";
import { turns } from "./place.js";
import { programOf } from "./steps_home.js";

/** The box. kinds: the steps that this stage can hand out. */
export function snippetBox(c, kinds) {
  const language = c.state.code === "pytorch" ? "pytorch" : "numpy";
  const kind = kinds.includes(c.state.take) ? c.state.take : kinds[0];
  const shown = c.state.program === "1";
  const program = () => programOf(c, kind, language, turns(c));
  const name = c.t(`snippets.${language}`);
  return h("section", { class: "card card-plain snippet", "aria-label": c.t("snippets.title") },
    h("h2", {}, c.t("snippets.title")), h("p", { class: "note" }, c.t("snippets.lead")),
    h("div", { class: "controls" },
      kinds.length > 1 && choice({ key: `${c.part}-take`, label: c.t("snippets.step"), value: kind, onChange: (take) => c.set({ take }), options: kinds.map((one) => [one, c.t(`snippets.step.${one}`)]) }),
      choice({ key: `${c.part}-code`, label: c.t("snippets.language"), value: language, onChange: (code) => c.set({ code }), options: ["numpy", "pytorch"].map((one) => [one, c.t(`snippets.${one}`)]) }),
      button({ key: `${c.part}-copy-code`, label: c.t("snippets.copy", { language: name }), primary: true, onClick: () => copy(c, program()) }),
      button({ key: `${c.part}-show-code`, label: c.t(shown ? "snippets.hide" : "snippets.show"), pressed: shown, onClick: () => c.set({ program: shown ? null : "1" }) })),
    shown && h("pre", { class: "program", tabindex: "0", role: "region", "aria-label": c.t("snippets.show"), dataset: { snippet: kind, language } }, h("code", {}, program())));
}

async function copy(c, text) {
  try {
    await navigator.clipboard.writeText(text);
    c.say(c.t("snippets.copied", { lines: text.split("\n").length - 1 }));
  } catch {
    c.set({ program: "1" });
    c.say(c.t("snippets.failed"));
  }
}
