// Why this word? Three answers beside each other, how far they agree, and a plain sentence where they do not.

import { button } from "./controls.js";
import { h, unseen } from "./dom.js";
import { figure } from "./figure.js";
import { tokens } from "./tokens.js";
import { refusedText } from "./refused.js";
import { remembered } from "./tiles.js";

const WAYS = ["attention", "input_x_gradient", "leave_one_out"];

const MANY = 40; // source pieces; above it the sentence is read again that often only when somebody asks

/** Ask for the numbers of the chosen output word; for a stage's `load`. null: nobody asked yet. */
export function loadWhy(c) {
  if (c.sizes.S > MANY && c.state.why !== "1") return null;
  return remembered(c, "why", c.step, () => c.source.why(c.run.run, c.step, c.signal)).catch((error) => {
    if (c.signal?.aborted) throw error;
    return { refused: refusedText(c.words, error) };
  });
}

/** The panel. reply: of `loadWhy`. An output word is chosen by the page's step. */
export function whyPanel(c, reply) {
  return h("section", { class: "card card-plain why", id: c.part === "b" ? null : "why", "aria-label": c.t("why.title") },
    h("h2", {}, c.t("why.title")), h("p", {}, c.t("why.lead")),
    tokens({
      key: `${c.part}-why-word`, tokens: c.outputTokens, picked: c.step, onPick: (step) => c.set({ step }), colour: "target", label: c.t("why.pick"),
      detail: (_, index) => c.percent(Math.exp(c.run.target.log_probs[index])),
    }),
    reply === null && button({ key: `${c.part}-why-ask`, label: c.t("why.button", { count: c.sizes.S }), onClick: () => c.set({ why: "1" }) }),
    reply?.refused && h("p", { class: "quiet-note" }, reply.refused),
    reply && !reply.refused && answers(c, reply));
}

function answers(c, reply) {
  const ways = WAYS.filter((way) => reply.by_word[way]);
  const words = reply.word_texts.map((label, index) => ({ label, lang: c.model.source_lang, index }));
  return [
    figure(c, {
      id: "why", title: c.t("why.of", { word: reply.target.label }), wide: true,
      graphic: [h("ul", { class: "why-ways" }, ways.map((way) => h("li", {}, h("span", { class: `why-key ${way}`, "aria-hidden": "true" }), h("strong", {}, c.t(`why.column.${way}`)), `: ${c.t(`why.column.${way}.text`)}`))), columns(c, reply, ways, words)],
      summary: words.length > 1 ? h("span", {}, whySentence(reply, words, (key, values) => c.t(key, values), (x) => c.fixed(x, 2))) : c.t("why.only_one"),
      note: c.t("why.scale"),
      table: () => ({
        columns: [c.t("why.source"), ...ways.map((way) => c.t(`why.column.${way}`))],
        rows: words.map((word, index) => [word, ...ways.map((way) => reply.by_word[way][index] ?? "–")]),
      }),
    }),
    agreement(c, reply), h("p", { class: "note" }, c.t("why.honest")),
  ];
}

/** The sentence that sums the three columns up. t(key, values), fixed(x): how to say words and numbers. */
export function whySentence({ top, by_word: shares, target }, words, t, fixed) {
  const ways = WAYS.filter((way) => shares[way] && top[way] !== null && top[way] !== undefined);
  const name = (way) => words[top[way]].label;
  const values = { target: target.label, ...Object.fromEntries(ways.map((way) => [way, name(way)])) };
  if (new Set(ways.map((way) => top[way])).size === 1) {
    const loss = shares.leave_one_out?.[top.leave_one_out];
    return t(ways.length === 3 ? "why.summary.agree" : "why.summary.agree.two", { ...values, word: name(ways[0]), loss: fixed(loss ?? 0) });
  }
  if (ways.length < 3) return t("why.summary.differ.two", values);
  const odd = ways.find((way) => ways.filter((other) => top[other] === top[way]).length === 1 && new Set(ways.filter((other) => other !== way).map((other) => top[other])).size === 1);
  if (!odd) return t("why.summary.none", values);
  const pair = ways.filter((way) => way !== odd);
  return t(odd === "attention" ? "why.summary.two" : "why.summary.two.attention_right", {
    ...values, word: name(pair[0]), other: name(odd), odd: t(`why.column.${odd}`),
    who: t("words.and", { first: t(`why.column.${pair[0]}`), second: t(`why.column.${pair[1]}`) }),
  });
}

/** One line for each source word, one column for each way to ask: words can be compared across. */
function columns(c, reply, ways, words) {
  const full = Object.fromEntries(ways.map((way) => [way, Math.max(1e-12, ...reply.by_word[way].map((value) => Math.abs(value ?? 0)))]));
  const cell = (way, index) => {
    const value = reply.by_word[way][index];
    return h("span", { class: `why-cell${index === reply.top[way] ? " most" : ""}`, role: "cell" },
      h("span", { class: `why-track${value < 0 ? " negative" : ""}`, "aria-hidden": "true" }, h("span", { class: `why-bar ${way}`, css: { "--share": String(Math.abs(value ?? 0) / full[way]) } })),
      h("span", { class: "bar-value" }, value === null ? "–" : way === "attention" ? c.percent(value) : plainly(c, value)));
  };
  return h("div", { class: "why-grid", role: "table", "aria-label": c.t("why.of", { word: reply.target.label }), css: { "--ways": String(ways.length) } },
    h("div", { class: "why-row why-head", role: "row" }, h("span", { role: "columnheader" }, unseen(c.t("why.source"))),
      ways.map((way) => h("span", { role: "columnheader" }, h("strong", {}, c.t(`why.column.${way}`))))),
    words.map((word, index) => h("div", { class: "why-row", role: "row" },
      h("bdi", { class: "bar-label", role: "rowheader", lang: word.lang, dir: "auto" }, word.label), ways.map((way) => cell(way, index)))));
}

/** Three decimals; what rounds to zero has no sign. */
function plainly(c, value) {
  return c.fixed(Math.abs(value) < 5e-4 ? 0 : value, 3);
}

/** How alike the orders of the three columns are. */
function agreement(c, { agreement: pairs }) {
  const named = { attention_gradient: ["attention", "input_x_gradient"], attention_leave_one_out: ["attention", "leave_one_out"], gradient_leave_one_out: ["input_x_gradient", "leave_one_out"] };
  const lines = Object.entries(named).filter(([key]) => key in pairs).map(([key, [a, b]]) => [
    h("dt", {}, c.t("why.agreement.pair", { a: c.t(`why.column.${a}`), b: c.t(`why.column.${b}`) })),
    h("dd", {}, pairs[key] === null ? c.t("why.agreement.undefined") : c.fixed(pairs[key], 2)),
  ]);
  return h("div", { class: "why-agreement" }, h("p", { class: "note" }, c.t("why.agreement")), h("dl", {}, lines));
}
