// The numbers of a sentence in, questions about them out. An answer is always read from the numbers, never typed in.

import { argmax, softmaxRow, topPlaces, total } from "./arithmetic.js";

const OPTIONS = 4;

/** Return the questions that these facts allow, each {id, question, options, answer, explain}.
 *  facts: what the makers below name; a maker whose facts are missing or too poor makes no question.
 *  words: {t(key, values), percent(x), fixed(x, digits)}. */
export function questionsFor(pass, facts, words) {
  return MAKERS[pass].map((make) => make(facts, words)).filter((question) => question !== null);
}

/** Label words that occur twice with their place, so that every option names one place: "the", "the (5)". */
export function distinctLabels(labels) {
  const seen = new Set();
  return labels.map((label, place) => {
    const again = seen.has(label);
    seen.add(label);
    return again ? `${label} (${place + 1})` : label;
  });
}

/** Choose up to `count` of `total` places: those that must be there, then others spread evenly; in order. */
export function spreadChoice(must, total_, count = OPTIONS) {
  const chosen = new Set(must);
  for (let step = 0; chosen.size < Math.min(count, total_) && step < total_; step += 1) {
    chosen.add((must[0] + Math.ceil((total_ * (step + 1)) / count) + step) % total_);
  }
  for (let place = 0; chosen.size < Math.min(count, total_); place += 1) chosen.add(place);
  return [...chosen].sort((a, b) => a - b);
}

function chosenQuestion(id, places, best, { label, question, explain }) {
  return { id, question, options: places.map(label), answer: places.indexOf(best), explain };
}

/** facts.text, facts.pieces: the source as it was cut. */
function pieces({ text, pieces: parts }, words) {
  if (!parts || parts.length < 2) return null;
  const count = parts.length;
  const start = Math.max(1, count - 1 - (text.length % 3));
  const options = Array.from({ length: OPTIONS }, (_, i) => start + i);
  return {
    id: "pieces",
    question: words.t("quiz.pieces.question", { text }),
    options: options.map(String),
    answer: options.indexOf(count),
    explain: words.t("quiz.pieces.explain", { count, pieces: parts.join(" · ") }),
  };
}

/** facts.steps: the steps of the run; facts.read: labels that the decoder read. */
function next({ steps, read }, words) {
  const step = steps?.find((one, place) => place > 0 && one.top.length >= OPTIONS && one.top[0].prob < 0.97) ?? steps?.[0];
  if (!step || step.top.length < OPTIONS) return null;
  const labels = step.top.slice(0, OPTIONS);
  const order = labels.map((_, i) => i).sort((a, b) => labels[a].label.localeCompare(labels[b].label));
  return chosenQuestion("next", order, 0, {
    label: (place) => labels[place].label,
    question: words.t("quiz.next.question", { prefix: read.slice(0, step.position + 1).join(" ") }),
    explain: words.t("quiz.next.explain", {
      piece: labels[0].label,
      percent: words.percent(labels[0].prob),
      second: labels[1].label,
      second_percent: words.percent(labels[1].prob),
    }),
  });
}

/** facts.steps: where was the model least sure? */
function sure({ steps }, words) {
  if (!steps || steps.length < OPTIONS) return null;
  const doubts = steps.map((step) => -step.chosen.prob);
  const best = argmax(doubts);
  const names = distinctLabels(steps.map((step) => step.chosen.label));
  return chosenQuestion("sure", spreadChoice([best], steps.length), best, {
    label: (place) => names[place],
    question: words.t("quiz.sure.question"),
    explain: words.t("quiz.sure.explain", { piece: names[best], percent: words.percent(-doubts[best]) }),
  });
}

/** facts.look: {rows: [weights ...], rowLabels, colLabels, layer, head, kindName}. The row with the clearest answer. */
function look({ look: seen }, words) {
  if (!seen || seen.colLabels.length < OPTIONS) return null;
  const margin = (row) => { const [first, second] = topPlaces(row, 2); return row[first] - row[second]; };
  const row = argmax(seen.rows.map((weights) => margin(weights)));
  const weights = seen.rows[row];
  const [best, second] = topPlaces(weights, 2);
  const names = distinctLabels(seen.colLabels);
  return chosenQuestion("look", spreadChoice([best, second], names.length), best, {
    label: (place) => names[place],
    question: words.t("quiz.look.question", {
      layer: seen.layer, head: seen.head, kind: seen.kindName, word: distinctLabels(seen.rowLabels)[row],
    }),
    explain: words.t("quiz.look.explain", {
      best: names[best], percent: words.percent(weights[best]),
      second: names[second], second_percent: words.percent(weights[second]),
    }),
  });
}

/** facts.read: labels that the decoder read; one visible place among later ones. */
function mask({ read }, words) {
  if (!read || read.length < 6) return null;
  const row = Math.floor(read.length / 3);
  const names = distinctLabels(read);
  const places = [row - 1, row + 1, row + 2, row + 3].filter((place) => place < read.length);
  if (places.length < 3) return null;
  return chosenQuestion("mask", places.sort((a, b) => names[a].localeCompare(names[b])), row - 1, {
    label: (place) => names[place],
    question: words.t("quiz.mask.question", { word: names[row], place: row + 1 }),
    explain: words.t("quiz.mask.explain", { visible: names[row - 1], place: row }),
  });
}

/** facts.look: what a large weight proves. */
function meaning({ look: seen }, words) {
  if (!seen) return null;
  const row = argmax(seen.rows.map((weights) => Math.max(...weights)));
  const best = argmax(seen.rows[row]);
  return {
    id: "meaning",
    question: words.t("quiz.mean.question", {
      word: distinctLabels(seen.colLabels)[best], percent: words.percent(seen.rows[row][best]),
    }),
    options: [1, 2, 3].map((n) => words.t(`quiz.mean.option.${n}`)),
    answer: 1,
    explain: words.t("quiz.mean.explain"),
  };
}

/** facts.row: {scores, weights, labels, d_k}: one row of attention; -∞ marks what is hidden. */
function scores({ row }, words) {
  if (!row) return null;
  const places = topPlaces(row.scores, OPTIONS).filter((place) => row.scores[place] > -Infinity).sort((a, b) => a - b);
  if (places.length < 3) return null;
  const names = distinctLabels(row.labels);
  const best = argmax(row.scores);
  return chosenQuestion("scores", places, best, {
    label: (place) => names[place],
    question: words.t("quiz.score.question", {
      scores: places.map((place) => `${names[place]}: ${words.fixed(row.scores[place], 2)}`).join(", "),
    }),
    explain: words.t("quiz.score.explain", {
      best: names[best], percent: words.percent(row.weights[best]), share: words.percent(row.weights[best]),
    }),
  });
}

/** facts.row: what do its weights sum to? */
function rows({ row }, words) {
  if (!row || row.labels.length < 2) return null;
  return {
    id: "rows",
    question: words.t("quiz.rows.question"),
    options: [words.fixed(0, 0), words.fixed(1, 0), words.fixed(Math.sqrt(row.d_k), 2), String(row.labels.length)],
    answer: 1,
    explain: words.t("quiz.rows.explain", { sum: words.fixed(total(row.weights), 6) }),
  };
}

/** facts.row: what happens to the largest share without the root of d_k? */
function root({ row }, words) {
  if (!row || row.scores.filter((score) => score > -Infinity).length < 2) return null;
  const factor = Math.sqrt(row.d_k);
  const before = Math.max(...row.weights);
  const after = Math.max(...softmaxRow(row.scores.map((score) => score * factor)).weights);
  return {
    id: "root",
    question: words.t("quiz.root.question", { root: words.fixed(factor, 2), percent: words.percent(before) }),
    options: ["up", "down", "same"].map((way) => words.t(`quiz.root.option.${way}`)),
    answer: after > before + 1e-9 ? 0 : after < before - 1e-9 ? 1 : 2,
    explain: words.t("quiz.root.explain", { root: words.fixed(factor, 2), without: words.percent(after) }),
  };
}

/** facts.d_model, facts.norm: over what does layer norm take mean and variance? */
function norm({ d_model, norm: kind }, words) {
  if (kind !== "layer") return null;
  return {
    id: "norm",
    question: words.t("quiz.norm.question"),
    options: [1, 2, 3].map((n) => words.t(`quiz.norm.option.${n}`)),
    answer: 0,
    explain: words.t("quiz.norm.explain", { d_model }),
  };
}

/** facts.hidden: {values, word, layer}: the inner numbers of a feed-forward layer with ReLU. */
function zeros({ hidden }, words) {
  if (!hidden) return null;
  const share = Array.from(hidden.values).filter((value) => value === 0).length / hidden.values.length;
  const options = [0.1, 0.35, 0.6, 0.85];
  const nearest = argmax(options.map((option) => -Math.abs(option - share)));
  options[nearest] = share;
  return {
    id: "zeros",
    question: words.t("quiz.zeros.question", { d_ff: hidden.values.length, word: hidden.word, layer: hidden.layer }),
    options: options.map((option) => words.percent(option)),
    answer: nearest,
    explain: words.t("quiz.zeros.explain", { percent: words.percent(share) }),
  };
}

const MAKERS = { 1: [pieces, next, sure], 2: [look, mask, meaning], 3: [scores, root, rows, norm, zeros] };
