// Stage 6R. The whole source has to fit into one last state: what is still in it of each word.

import { bars } from "../bars.js";
import { curve } from "../curve.js";
import { figure } from "../figure.js";
import { argmax, sum } from "../numbers.js";

export const stage = {
  number: 6,
  id: "held",
  pass: 1,
  family: "recurrent",
  part: "encoder.cell",
  load: async (c) => ({ held: await c.store.once("held", c.run.run, c.signal) }),
  draw(container, c) {
    container.append(gradients(c), leftOut(c), ...(c.detail ? [likeness(c)] : []));
  },
};

const COLOURS = { forward: "var(--source)", backward: "var(--query)" };

function lines(c, what) {
  return c.extra.held.directions.map(({ name, [what]: numbers }) => ({ name: c.t(`recurrent.${name}`), kind: name, numbers }));
}

function xAxis(c) {
  const all = c.sourceTokens;
  const each = Math.ceil(all.length / 12);
  return { label: c.t("word.piece"), ticks: Array.from({ length: Math.ceil(all.length / each) }, (_, index) => index * each), format: (place) => all[place]?.label ?? "" };
}

/** How strongly each word still moves the last state. */
function gradients(c) {
  const all = lines(c, "gradient").map((line) => ({ ...line, shares: line.numbers.map((x) => x / (sum(line.numbers) || 1)) }));
  const [forward] = all;
  const half = lastHalf(forward.shares);
  return figure(c, {
    id: "gradient", title: c.own("gradient"),
    graphic: curve({
      key: `${c.part}-gradient`, label: c.own("gradient"), x: xAxis(c), y: { label: c.own("share"), domain: [0, Math.max(...all.flatMap(({ shares }) => shares)) * 1.06], format: (x) => c.percent(x) },
      series: all.map(({ name, kind, shares }) => ({ name, colour: COLOURS[kind], dots: true, dashed: kind === "backward", points: shares.map((y, x) => [x, y]) })),
    }),
    summary: c.own("gradient.summary", { count: half, total: c.sizes.S, first: c.sourceTokens[0].label, percent: c.percent(forward.shares[0]) }),
    note: [all.length > 1 && c.own("both"), c.extra.held.exact || c.own("estimated")].filter((one) => one && one !== true).join(" ") || null,
    table: () => ({ columns: [c.t("word.piece"), ...all.map(({ name }) => name)], rows: c.sourceTokens.map((token, index) => [token, ...all.map(({ numbers }) => numbers[index])]) }),
  });
}

/** How many words from the end carry half of the sum. */
function lastHalf(shares) {
  let total = 0;
  for (let count = 1; count <= shares.length; count++) {
    total += shares[shares.length - count];
    if (total >= 0.5) return count;
  }
  return shares.length;
}

/** How far the last state moves when a word is really left out. */
function leftOut(c) {
  const { word_texts: words, by_word: byWord } = c.extra.held;
  const numbers = byWord.leave_one_out;
  const known = numbers.map((x) => x ?? 0);
  const most = argmax(known);
  return figure(c, {
    id: "left-out", title: c.own("out"),
    graphic: bars({
      key: `${c.part}-out`, colour: "source", format: (x) => c.percent(x), label: c.own("out"),
      items: words.map((label, index) => ({ token: { label, lang: c.model.source_lang }, value: known[index], mark: index === most })).filter((_, index) => numbers[index] !== null),
    }),
    summary: c.own("out.summary", { word: words[most], percent: c.percent(known[most]) }),
    table: () => ({ columns: [c.t("stage.tokens.word"), c.own("out.share")], rows: words.map((label, index) => [{ label, lang: c.model.source_lang }, numbers[index] ?? "–"]) }),
  });
}

/** The cosine of the state after each word with the last state. */
function likeness(c) {
  const all = lines(c, "likeness");
  return figure(c, {
    id: "likeness", title: c.own("likeness"),
    graphic: curve({
      key: `${c.part}-likeness`, label: c.own("likeness"), x: xAxis(c), y: { label: c.t("stage.embedding.cosine"), domain: [Math.min(0, ...all.flatMap(({ numbers }) => numbers)), 1.04] },
      series: all.map(({ name, kind, numbers }) => ({ name, colour: COLOURS[kind], dots: true, dashed: kind === "backward", points: numbers.map((y, x) => [x, y]) })),
    }),
    summary: c.own("likeness.summary", { first: c.sourceTokens[0].label, cosine: c.fixed(all[0].numbers[0], 2) }),
    table: () => ({ columns: [c.t("word.piece"), ...all.map(({ name }) => name)], rows: c.sourceTokens.map((token, index) => [token, ...all.map(({ numbers }) => numbers[index])]) }),
  });
}
