// Stage 6. Scores, softmax, temperature; the beam; another piece forced; how a given target fares.

import { bars } from "../bars.js";
import { slider } from "../controls.js";
import { h } from "../dom.js";
import { figure, liveFigure } from "../figure.js";
import { argmax, softmax, topK } from "../numbers.js";
import { passQuiz } from "../pass_quiz.js";
import { tree } from "../tree.js";
import { loadWhy, whyPanel } from "../why.js";

const SHOWN = 10; // pieces as bars
const STEPS = 60; // steps of the beam that are drawn

export const stage = {
  number: 6,
  id: "output",
  pass: 1,
  family: "any",
  part: "output",
  values: (c) => ({ step: c.step + 1, temperature: c.short(temperatureOf(c)), alpha: c.short(c.run.length_penalty), difference: difference(c) }),
  needs: (c) => [{ path: "logits", rows: [c.step] }],
  load: async (c) => ({ why: await loadWhy(c) }),
  draw(container, c) {
    container.append(next(c), sure(c), beam(c), whyPanel(c, c.extra.why), passQuiz(c, 1));
  },
};

function temperatureOf(c) {
  return Math.min(5, Math.max(0.1, c.number("tau", c.run.temperature)));
}

function logits(c) {
  return c.tensor({ path: "logits", rows: [c.step] }).row(0);
}

/** The page's own softmax against the model's log-probability of what it wrote. */
function difference(c) {
  const mine = Math.log(softmax(logits(c))[c.outputTokens[c.step].id]);
  return Math.abs(mine - c.run.steps[c.step].chosen.log_prob).toExponential(1);
}

function next(c) {
  const control = slider({
    key: `${c.part}-tau`, label: c.own("temperature"), min: -1, max: 0.7, step: 0.05, value: Math.log10(temperatureOf(c)), format: (power) => c.fixed(10 ** power, 2),
    onInput: (power) => show(10 ** power), onChange: (power) => c.set({ tau: Math.abs(power) < 0.01 ? null : (10 ** power).toFixed(3) }, { quiet: true }),
  });
  const { element, show } = liveFigure(c, control, temperatureOf(c), (temperature) => nextAt(c, temperature));
  return element;
}

/** The likeliest pieces at one temperature, over the whole vocabulary. */
function nextAt(c, temperature) {
  const scores = logits(c);
  const shares = softmax(scores, temperature);
  const wrote = c.outputTokens[c.step];
  const step = c.run.steps[c.step];
  const names = new Map([...step.top, step.chosen].map((one) => [one.id, one.label]));
  const order = topK(scores, 20).filter((id) => names.has(id));
  const ids = order.slice(0, SHOWN);
  if (!ids.includes(wrote.id)) ids.push(wrote.id);
  const shown = ids.reduce((total, id) => total + shares[id], 0);
  const first = order[0];
  const items = ids.map((id) => ({ token: { label: names.get(id), lang: c.model.target_lang }, value: shares[id], mark: id === wrote.id, note: id === wrote.id && id !== first ? c.own("chosen") : null }));
  const rest = { label: c.own("bars.rest", { count: c.words.integer(scores.length - ids.length) }), value: Math.max(0, 1 - shown), colour: "residual" };
  const read = c.inputTokens.slice(1, c.step + 1).map((token) => token.label).join(" ");
  return {
    id: "next", title: read ? c.own("bars", { read }) : c.own("bars.first"),
    graphic: bars({ key: `${c.part}-next`, colour: "target", max: 1, format: (x) => c.percent(x), label: c.own("probability"), items: [...items, rest], onPick: c.source.live ? (index) => index < ids.length && forceUpTo(c, [...c.run.target.ids.slice(0, c.step), ids[index]]) : null }),
    summary: c.own("bars.summary", { best: names.get(first), percent: c.percent(shares[first]), wrote: wrote.label, rank: c.words.integer(step.chosen.rank), k: ids.length, share: c.percent(shown) }),
    note: c.own(c.source.live ? "force" : "fixed"),
    table: () => ({ columns: [c.t("word.piece"), c.t("stage.tokens.id"), c.own("logit"), c.own("probability")], rows: order.map((id) => [{ label: names.get(id), lang: c.model.target_lang }, id, scores[id], shares[id]]) }),
  };
}

/** Begin the output with these ids; the model goes on by itself. An end sign cannot be forced: it is the end. */
function forceUpTo(c, ids) {
  const prefix = ids.filter((id) => id !== c.model.special.eos);
  c.set({ prefix: prefix.join(","), target: "", step: Math.max(0, prefix.length - 1) });
}

/** How sure the model was at each step; for a forced target the rank of each piece. */
function sure(c) {
  const { steps, target } = c.run;
  const chances = steps.map((step) => step.chosen.prob);
  const forced = target.origin === "forced";
  const unlikeliest = argmax(chances.map((x) => -x));
  const values = { piece: c.outputTokens[unlikeliest].label, percent: c.percent(chances[unlikeliest]), log_prob: c.fixed(target.log_prob, 2), rank: c.words.integer(steps[unlikeliest].chosen.rank), top: steps.filter((step) => step.chosen.rank === 1).length };
  return figure(c, {
    id: "sure", title: c.own("sure"),
    graphic: bars({
      key: `${c.part}-sure`, colour: "target", max: 1, format: (x) => c.percent(x), label: c.own("sure"), onPick: (step) => c.set({ step }),
      items: steps.map((step, index) => ({
        token: c.outputTokens[index], value: chances[index], mark: index === c.step, note: step.chosen.rank > 1 ? c.own("sure.ranknote", { rank: c.words.integer(step.chosen.rank), best: step.top[0].label }) : null,
      })),
    }),
    summary: c.own(forced ? "sure.reference" : "sure.summary", values),
    table: () => ({
      columns: [c.own("step"), c.t("word.piece"), c.own("probability"), "log p", c.own("sure.rank"), c.own("sure.best")],
      rows: steps.map((step, index) => [index + 1, c.outputTokens[index], step.chosen.prob, step.chosen.log_prob, step.chosen.rank, { label: step.top[0].label, lang: c.model.target_lang }]),
    }),
  });
}

/** The tree of the search. */
function beam(c) {
  const { nodes, beam_size: size } = c.run.tree;
  if (!nodes?.length) return h("section", { class: "card card-plain" }, h("h2", {}, c.own("tree")), h("p", {}, c.own("tree.none")));
  const last = Math.max(...nodes.map((node) => node.step));
  const from = last < STEPS ? 0 : Math.max(0, Math.min(last - STEPS + 1, c.step - STEPS / 2));
  const shown = nodes.filter((node) => node.step >= from && node.step < from + STEPS && (node.kept || node.state !== "pruned" || c.detail));
  const count = (state) => nodes.filter((node) => node.state === state).length;
  const best = nodes[c.run.tree.best.at(-1)];
  const names = Object.fromEntries(["best", "live", "finished", "pruned"].map((state) => [state, c.own(`tree.state.${state}`)]));
  const lang = c.model.target_lang;
  return figure(c, {
    id: "tree", title: c.own("tree"), wide: true,
    graphic: tree({
      key: `${c.part}-tree`, nodes: shown.map((node) => ({ ...node, lang, prob: Math.exp(node.token_log_prob) })), step: c.step, names, label: c.own("tree"), format: { prob: (x) => c.percent(x), score: (x) => c.fixed(x, 2) },
      onPick: c.source.live ? (node) => forceUpTo(c, path(nodes, node)) : null,
    }),
    summary: c.own("tree.summary", { nodes: nodes.length, steps: last + 1, finished: count("finished") + nodes.filter((node) => node.state === "best" && node.finished).length, pruned: count("pruned"), log_prob: c.fixed(best.log_prob, 2), score: c.fixed(best.score, 2) }),
    note: [shown.length < nodes.length && c.own("tree.drawn", { shown: shown.length, total: nodes.length }), size === 1 && c.own("tree.greedy"), c.own(c.source.live ? "tree.pick" : "fixed"), last >= STEPS && c.own("tree.part", { from: from + 1, to: Math.min(last + 1, from + STEPS), total: last + 1 })].filter(Boolean).join(" "),
    table: () => ({
      columns: [c.own("step"), c.t("word.piece"), c.own("parent"), "log p", c.own("tree.sum"), c.own("tree.score"), c.own("state")],
      rows: nodes.map((node) => [node.step + 1, { label: node.label, lang }, node.parent < 0 ? "<s>" : { label: nodes[node.parent].label, lang }, node.token_log_prob, node.log_prob, node.score, names[node.state]]),
    }),
  });
}

/** The ids from the start to a node. */
function path(nodes, node) {
  const ids = [];
  for (let one = node; one; one = nodes[one.parent]) ids.unshift(one.token);
  return ids;
}
