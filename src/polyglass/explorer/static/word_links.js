// Source words and output words, tied by cross-attention: a hint at which belong together, in both directions.

import { argmax, mergeWords, pool, topPlaces } from "./arithmetic.js";
import { h } from "./dom.js";
import { figure } from "./figure.js";

/** The mean cross-attention of the layer that comes nearest to an alignment, joined to words: {weights, outputs, sources}. */
export function linksOf(c) {
  const weights = c.tensor(c.model.alignment_path);
  const heads = Array.from({ length: weights.shape[0] }, (_, head) => weights.slice(head));
  const { source, target } = c.run;
  const named = ({ word_texts: texts, words }, lang, side) => texts.map((label, index) => ({ label, lang, side, index, from: words[index][0] }));
  return {
    weights: mergeWords(pool(heads, "average"), target.words, source.words),
    outputs: named(target, c.model.target_lang, "target"), sources: named(source, c.model.source_lang, "source"),
  };
}

/** The figure: for each output word the two source words it looks at most, and the other way round. */
export function wordLinks(c) {
  const links = linksOf(c);
  const rows = links.outputs.map((word, index) => {
    const shares = rowOf(links, index);
    const [best, second] = topPlaces(shares, 2);
    return { word, best, second, shares };
  });
  const clearest = argmax(rows.map(({ best, shares }) => shares[best]));
  const layer = Number(/\.layers\.(\d+)\./.exec(c.model.alignment_path)[1]) + 1;
  return figure(c, {
    id: "links", title: c.own("alignment"), wide: true,
    graphic: list(c, links, rows),
    summary: c.own("alignment.summary", {
      target: rows[clearest].word.label, source: links.sources[rows[clearest].best].label, percent: c.percent(rows[clearest].shares[rows[clearest].best]),
    }),
    note: c.own("alignment.lead", { layer }),
    table: () => ({
      columns: [c.own("alignment.out"), ...links.sources],
      rows: rows.map(({ word, shares }) => [word, ...shares]),
    }),
  });
}

function rowOf({ weights }, row) {
  const width = weights.shape[1];
  return Array.from(weights.data.subarray(row * width, (row + 1) * width));
}

function list(c, links, rows) {
  const said = ({ label, lang, side }) => h("bdi", { class: `c-${side}`, lang: lang || null, dir: "auto" }, label);
  const back = links.sources.map((word, column) => {
    const received = rows.map(({ shares }) => shares[column]);
    const best = argmax(received);
    return h("li", {}, said(word), h("span", { class: "link-share", css: { "--share": String(received[best]) } }, c.percent(received[best])), said(rows[best].word));
  });
  const forward = rows.map(({ word, best, second, shares }) => h("li", { class: c.detail ? "with-second" : null },
    said(word), h("span", { class: "link-share", css: { "--share": String(shares[best]) } }, c.percent(shares[best])), said(links.sources[best]),
    c.detail && second !== undefined && h("span", { class: "link-second" }, said(links.sources[second]), ` ${c.percent(shares[second])}`)));
  return h("div", { class: "links" },
    h("section", {}, h("h3", {}, c.own("alignment.to")), h("ol", {}, forward)), h("section", {}, h("h3", {}, c.own("alignment.from")), h("ol", {}, back)));
}
