// The top of the page: which sentence, which model, how wide a beam, which level.

import { choice, picker } from "./controls.js";
import { h } from "./dom.js";

const BEAMS = [2, 3, 4, 5, 8, 12];

/** The bar above the form: name, models, level, look, help. */
export function bar(app, model) {
  const { state, models, words } = app;
  const names = models.map((model) => [model.id, model.name]);
  const none = ["", words.t("top.alone")];
  return [
    h("a", { class: "brand", href: app.addressOf({ stage: "1" }) }, h("span", { class: "brand-mark", "aria-hidden": "true" }), "polyglass"),
    h("div", { class: "top-models" },
      picker({ key: "model", label: words.t("top.model"), options: names, value: model.id, onChange: (id) => app.set({ model: id }) }),
      models.length > 1 && picker({
        key: "model_b", label: words.t("top.beside"), options: [none, ...names.filter(([id]) => id !== model.id)], value: state.model_b, onChange: (id) => app.set({ model_b: id || null }),
      })),
    h("div", { class: "top-tools" },
      choice({ key: "level", label: words.t("top.level"), quiet: true, value: state.level, onChange: (level) => app.set({ level }), options: ["learner", "detail", "debug"].map((one) => [one, words.t(`level.${one}`)]) }),
      h("button", { type: "button", class: "icon", dataset: { key: "theme" }, "aria-label": words.t("top.theme"), title: words.t("top.theme"), onclick: () => app.turnTheme() }, h("span", { class: "sign sign-theme", "aria-hidden": "true" })),
      h("button", { type: "button", class: "icon", dataset: { key: "help" }, "aria-label": words.t("top.help"), title: `${words.t("top.help")} (?)`, onclick: () => app.help() }, h("span", { class: "sign sign-help", "aria-hidden": "true" }, "?"))),
  ];
}

/** Source, forced target, beam, and the button that runs the model. In an exported page the boxes only show. */
export function form(app, model, { text, written }) {
  const { state, words } = app;
  const { source_lang: from, target_lang: to } = model;
  const live = app.source.live;
  const box = (name, lang, value, hint) => h("textarea", {
    id: `field-${name}`, class: "field", rows: 1, lang, dir: "auto", value, placeholder: hint, readonly: !live, spellcheck: "false", dataset: { key: `field-${name}` },
    onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        submit();
      }
      event.stopPropagation();
    },
    oninput: (event) => grow(event.target),
  });
  const source = box("source", from, text, words.t("top.source.hint"));
  const target = box("target", to, state.target, written);
  const submit = () => app.set({ text: source.value.trim(), target: target.value.trim(), edits: [] });
  const examples = (model.examples ?? []).filter((one) => one !== text);
  const element = h("form", { class: "ask", onsubmit: (event) => {
    event.preventDefault();
    submit();
  } },
    h("div", { class: "ask-box" }, h("label", { for: "field-source", class: "c-source" }, words.t("top.source", { lang: from }) ), source,
      live && examples.length > 0 && h("select", { class: "examples", "aria-label": words.t("top.examples"), onchange: (event) => app.set({ text: event.target.value, target: "", edits: [] }) },
        h("option", { value: "" }, words.t("top.examples")), examples.map((one) => h("option", { value: one, lang: from }, one)))),
    h("div", { class: "ask-box" }, h("label", { for: "field-target", class: "c-target" }, words.t(state.target ? "top.forced" : "top.target", { lang: to })), target,
      live && state.target && h("button", { type: "button", class: "inside", onclick: () => app.set({ target: "" }) }, words.t("top.free"))),
    !live && savedNote(app),
    live && h("div", { class: "ask-go" },
      picker({ key: "beam", label: words.t("top.beam"), options: [[0, words.t("top.beam.own")], ...BEAMS.map((size) => [size, String(size)])], value: state.beam, onChange: (beam) => app.set({ beam: Number(beam), prefix: "" }) }),
      h("button", { type: "submit", class: "button primary" }, words.t("top.run"))));
  requestAnimationFrame(() => [source, target].forEach(grow));
  return element;
}

/** A saved page: what it holds, what it has in fewer digits, and what needed more room than there was. */
function savedNote({ source, words, models }) {
  const names = (why) => source.replies.left_out.filter((one) => one.why === why).map(({ model, what }) => {
    const name = models.length > 1 && models.find((one) => one.id === model)?.name;
    return h("li", {}, h("code", { lang: "en" }, name ? `${name}: ${what}` : what));
  });
  const part = (why) => {
    const list = names(why);
    return list.length > 0 && [h("p", {}, words.t(`saved.${why}`, { count: list.length })), h("ul", {}, list)];
  };
  return h("details", { class: "saved-note" }, h("summary", {}, words.t("saved.title")),
    h("div", { class: "saved-words" }, h("p", {}, words.rich("saved.lead")), part("float16"), part("size")));
}

/** A text field as high as its text, up to five lines. */
function grow(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 132)}px`;
}
