// Stage 1. Text, pieces, ids; how a piece was put together; what is unknown.

import { h } from "../dom.js";
import { choice } from "../controls.js";
import { figure } from "../figure.js";
import { placed } from "../first_word.js";
import { tokens } from "../tokens.js";

export const stage = {
  number: 1,
  id: "tokens",
  pass: 1,
  family: "any",
  part: (c) => (c.state.side === "target" ? "target" : "source"),
  values: (c) => c.model.special,
  draw(container, c) {
    container.append(sentence(c, "source"), sentence(c, "target"), piece(c));
  },
};

function sideOf(c) {
  return c.state.side === "target" ? "target" : "source";
}

function listOf(c, side) {
  return side === "source" ? c.sourceTokens : c.outputTokens;
}

function picked(c) {
  const list = listOf(c, sideOf(c));
  return list[placed(c.state.i, list)];
}

function sentence(c, side) {
  const all = listOf(c, side);
  const run = c.run[side];
  const chips = tokens({
    key: `${c.part}-pieces-${side}`, tokens: all, colour: side, label: c.own(side), picked: sideOf(c) === side ? picked(c).index : null,
    onPick: (index) => c.set({ side, i: index }), detail: (token) => c.words.integer(token.id),
  });
  const text = h("p", { class: `sentence c-${side}` }, h("bdi", { lang: side === "source" ? c.model.source_lang : c.model.target_lang, dir: "auto" }, run.text));
  return figure(c, {
    id: `${side}-pieces`, title: c.own(side), graphic: h("div", { class: "cutting" }, text, h("span", { class: "flow-down", "aria-hidden": "true" }), chips),
    summary: summary(c, side, all), table: () => table(c, side, all),
  });
}

function summary(c, side, all) {
  const run = c.run[side];
  const real = all.filter((token) => !token.special);
  const words = (run.words ?? []).filter(([from]) => !all[from].special);
  const bytes = all.filter((token) => token.kind === "byte").length;
  const unknown = all.filter((token) => token.kind === "unknown").length;
  const kind = unknown ? ["some", unknown] : bytes ? ["bytes", bytes] : ["none", 0];
  const line = c.own("summary", {
    characters: Array.from(run.text).length, pieces: real.length, words: words.length,
    whole: words.filter(([from, to]) => to - from === 1).length, unknown: c.own(`unknown.${kind[0]}`, { count: kind[1] }),
  });
  const longest = words.reduce((best, one) => (one[1] - one[0] > best[1] - best[0] ? one : best), [0, 1]);
  if (longest[1] - longest[0] < 2) return line;
  const word = all.slice(...longest).map((token) => token.label).join("");
  return `${line} ${c.own("longest", { word, count: longest[1] - longest[0] })}.`;
}

function table(c, side, all) {
  const counts = c.run[side].counts ?? [];
  return {
    columns: [c.t("word.piece"), c.own("place"), c.own("id"), c.own("begins"), c.own("count"), c.own("kind")],
    rows: all.map((token) => [
      { label: token.piece, lang: token.lang }, token.index + 1, token.id, c.own(token.piece.startsWith("▁") ? "yes" : "no"), counts[token.index] ?? c.own("count.none"), kindOf(c, token),
    ]),
  };
}

function kindOf(c, token) {
  if (token.special) return c.own(`special.${token.special}`);
  return token.kind === "byte" ? c.own("byte") : c.own("normal");
}

/** The picked piece: its facts, and the joins from letters to the whole. */
function piece(c) {
  const token = picked(c);
  const run = c.run[token.side];
  const count = run.counts?.[token.index];
  const merges = run.merges?.[token.index] ?? [];
  const facts = [
    [c.own("id"), c.words.integer(token.id)], [c.own("place"), c.words.integer(token.index + 1)], [c.own("kind"), kindOf(c, token)],
    [c.own("count"), count === null || count === undefined ? c.own("count.none") : c.own("count.times", { count: c.words.integer(count) })],
  ];
  const ladder = merges.length
    ? h("ol", { class: "ladder", "aria-label": c.own("merges") }, merges.map((parts) => h("li", {}, parts.map((part) => h("bdi", { class: "rung", lang: token.lang || null, dir: "auto" }, part)))))
    : h("p", { class: "quiet" }, c.own("merges.none"));
  return figure(c, {
    id: "merges", title: c.own("piece", { piece: token.label }),
    graphic: h("div", { class: "piece-card" }, h("dl", { class: "facts" }, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])), ladder),
    summary: merges.length ? c.own("merges.summary", { count: merges.length - 1, piece: token.label }) : null,
    table: () => ({ columns: [c.own("merges"), c.t("word.piece")], rows: merges.map((parts, index) => [index, parts.join(" ")]) }),
  });
}
