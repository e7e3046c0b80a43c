// A card: a note, a warning, or a question with answers.

import { h } from "./dom.js";
import { button } from "./controls.js";

/** A card. kind: note, warn, quiz or plain. children: nodes or texts. */
export function card({ title, kind = "plain", children = [], level = 2 }) {
  return h("section", { class: `card card-${kind}` }, title && h(`h${level}`, {}, title), children);
}

/** A question. options: id, question, options: texts, answer: index, explain. The choice lives in the page's address. */
export function quiz(c, { id, number, question, options, answer, explain }) {
  const key = `quiz_${id}`;
  const chosen = c.state[key] === undefined || c.state[key] === "" ? null : Number(c.state[key]);
  const answers = options.map((text, index) => {
    const tone = chosen === null ? "" : index === answer ? " right" : index === chosen ? " wrong" : "";
    const mark = tone === " right" ? `✓ ${c.t("quiz.right")}` : tone === " wrong" ? `✗ ${c.t("quiz.wrong")}` : "";
    return h("li", {}, h("button", {
      type: "button", class: `answer${tone}`, "aria-pressed": String(index === chosen), dataset: { key: `${key}_${index}` },
      onclick: () => c.set({ [key]: String(index) }),
    }, text, mark && h("span", { class: "answer-mark" }, mark)));
  });
  return card({
    title: c.t("quiz.title", { number }), kind: "quiz", level: 3,
    children: [
      h("p", { class: "question" }, question), h("ol", { class: "answers" }, answers),
      chosen !== null && h("p", { class: "explain", role: "status" }, explain),
      chosen !== null && button({ label: c.t("quiz.again"), small: true, onClick: () => c.set({ [key]: null }) }),
    ],
  });
}
