// Stage 14: questions on every pass, a link with a fixed state for a class, and every step as a program.

import { button, choice, picker, toggle } from "../controls.js";
import { h } from "../dom.js";
import { passQuiz, quizNeeds } from "../pass_quiz.js";

const STAGES = Array.from({ length: 14 }, (_, index) => index + 1);
const IDS = ["tokens", "embedding", "positions", "encoder", "decoder", "output", "retrieval", "heads", "masks", "projections", "attention", "concat", "residual", "practice"];

export const stage = {
  number: 14,
  id: "practice",
  pass: 3,
  family: "transformer",
  part: "output",
  needs: (c) => quizNeeds(c, passOf(c)),
  draw(container, c) {
    container.append(
      choice({ key: `${c.part}-pass`, label: c.own("pass"), value: passOf(c), onChange: (pass) => c.set({ pass: String(pass) }), options: [1, 2, 3].map((pass) => [pass, c.own(`pass.${pass}`)]) }),
      passQuiz(c, passOf(c)),
      teacherLink(c),
      takeHome(c),
    );
  },
};

function passOf(c) {
  return [1, 2, 3].includes(c.number("pass", 2)) ? c.number("pass", 2) : 2;
}

/** The state of the link: the sentence and the place, with the answers only if they are wanted. */
function addressOf(c) {
  const answers = Object.entries(c.state).filter(([key]) => key.startsWith("quiz_"));
  return c.link({
    stage: String(c.number("opens", 8)), level: c.state.for || c.level, text: c.state.text || c.run.source.text, model: c.state.model || c.model.id,
    ...(c.state.keep === "1" ? Object.fromEntries(answers) : {}),
  });
}

function teacherLink(c) {
  const address = addressOf(c);
  const field = h("input", { type: "text", readonly: true, class: "text-field link-field", value: address, "aria-label": c.own("link.address"), onfocus: () => field.select(), dataset: { link: "teacher" } });
  return h("section", { class: "card card-plain teacher", "aria-label": c.own("link") },
    h("h2", {}, c.own("link")), h("p", {}, c.own("link.lead")),
    h("div", { class: "controls" },
      picker({ key: `${c.part}-opens`, label: c.own("link.stage"), value: c.number("opens", 8), onChange: (opens) => c.set({ opens }), options: STAGES.map((number) => [number, `${number} ${c.t(`stage.${IDS[number - 1]}.title`)}`]) }),
      picker({ key: `${c.part}-for`, label: c.own("link.level"), value: c.state.for || c.level, onChange: (level) => c.set({ for: level }), options: ["learner", "detail", "debug"].map((level) => [level, c.t(`level.${level}`)]) }),
      toggle({ key: `${c.part}-keep`, label: c.own("link.answers"), value: c.state.keep === "1", onChange: (on) => c.set({ keep: on ? "1" : null }) })),
    h("div", { class: "link-row" }, field, button({ key: `${c.part}-copy-link`, label: c.own("link.copy"), primary: true, onClick: () => copy(c, address) })),
    h("p", { class: "note" }, c.rich("stage.practice.link.honest")));
}

async function copy(c, address) {
  try {
    await navigator.clipboard.writeText(address);
    c.say(c.own("link.copied"));
  } catch {
    c.say(c.own("link.failed"));
  }
}

/** Where each step can be taken home: a link to its stage, with the program open. */
function takeHome(c) {
  const steps = [["projection", 10], ["attention", 11], ["head", 8], ["concat", 12], ["norm", 13], ["feed_forward", 13]];
  return h("section", { class: "card card-plain", "aria-label": c.own("code") },
    h("h2", {}, c.own("code")), h("p", {}, c.own("code.lead")),
    h("ul", { class: "take-home" }, steps.map(([kind, number]) => h("li", {}, h("a", { href: c.link({ stage: String(number), program: "1", take: kind }) }, c.own(`code.step.${kind}`))))));
}
