// The questions at the end of a pass: gathers the facts of this sentence and lays the cards out.

import { quiz } from "./card.js";
import { h } from "./dom.js";
import { placed } from "./first_word.js";
import { clamp } from "./numbers.js";
import { layerOf } from "./place.js";
import { questionsFor } from "./quiz.js";

/** The tensors that the questions of a pass are made from. */
export function quizNeeds(c, pass) {
  if (c.model.family !== "transformer" || pass === 1) return [];
  if (pass === 2) return [`${c.path}.weights`];
  return [`${c.path}.scores`, `${c.path}.weights`, hiddenPath(c)];
}

/** The section with the cards of a pass. */
export function passQuiz(c, pass) {
  const questions = questionsFor(pass, facts(c, pass), c);
  const asked = questions.filter(({ id }) => answered(c, id) !== null);
  const right = asked.filter(({ id, answer }) => answered(c, id) === answer);
  return h("section", { class: "quiz-cards", id: c.part === "b" ? null : "quiz", "aria-label": c.t("quiz.pass", { pass: c.t(`pass.${pass}`) }) },
    h("h2", {}, c.t("quiz.pass", { pass: c.t(`pass.${pass}`) })), h("p", { class: "note" }, c.t("quiz.lead")),
    asked.length > 0 && h("p", { class: "quiz-score", role: "status" }, c.t("quiz.score", { right: right.length, asked: asked.length })),
    questions.length === 0 && h("p", { class: "quiet-note" }, c.t("quiz.none")),
    h("div", { class: "quiz-grid" }, questions.map((question, index) => quiz(c, { ...question, number: index + 1 }))));
}

function answered(c, id) {
  const text = c.state[`quiz_${id}`];
  return text === undefined || text === "" ? null : Number(text);
}

function facts(c, pass) {
  const labels = (all) => all.map(({ label }) => label);
  const common = { d_model: c.sizes.d_model, norm: c.model.config.norm, read: labels(c.inputTokens) };
  if (pass === 1) return { ...common, text: c.run.source.text, pieces: labels(c.sourceTokens), steps: c.run.steps };
  const head = clamp(c.state.head, 0, c.sizes.h - 1);
  const weights = c.tensor(`${c.path}.weights`).slice(head);
  if (pass === 2) {
    return {
      ...common,
      look: {
        rows: weights.rows(), rowLabels: labels(c.rowTokens), colLabels: labels(c.colTokens), layer: layerOf(c) + 1, head: head + 1,
        kindName: c.t(`kind.${c.kind}`),
      },
    };
  }
  const i = placed(c.state.i, c.rowTokens);
  const hidden = c.tensor(hiddenPath(c));
  return {
    ...common,
    row: { scores: Array.from(c.tensor(`${c.path}.scores`).slice(head).row(i)), weights: weights.row(i), labels: labels(c.colTokens), d_k: c.sizes.d_k },
    hidden: c.model.config.activation === "relu" ? { values: hidden.row(i), word: c.rowTokens[i].label, layer: layerOf(c) + 1 } : null,
  };
}

function hiddenPath(c) {
  return `${c.kind === "encoder" ? "encoder" : "decoder"}.layers.${layerOf(c)}.feed_forward.hidden`;
}
