// Stage 7: attention as a search in a library, first with books, then with the words of the user's sentence.

import { argmax, maxDifference, mix, softmaxRow, topPlaces } from "../arithmetic.js";
import { bars } from "../bars.js";
import { claim } from "../claims.js";
import { layerHead, slider } from "../controls.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { vectorMiniature } from "../miniature.js";
import { largest } from "../numbers.js";
import { attentionPart, chosen } from "../place.js";
import { wordPicker } from "../word_picker.js";

const SHOWN = 16; // cards, where a sentence has many words

export const stage = {
  number: 7,
  id: "retrieval",
  pass: 2,
  family: "transformer",
  part: attentionPart,
  values: (c) => ({ path: c.path }),
  needs: (c) => ["q", "k", "v", "scores", "weights"].map((name) => `${c.path}.${name}`),
  draw(container, c) {
    const search = searchOf(c);
    const holder = h("div", {});
    const show = (soft) => holder.replaceChildren(library(c, search, soft));
    const soft = c.number("soft", 1);
    show(soft);
    container.append(
      books(c),
      layerHead(c),
      wordPicker(c, { key: "who", title: c.own("pick"), tokens: c.rowTokens, picked: search.i, onPick: (i) => c.set({ i }), colour: "query" }),
      slider({
        key: `${c.part}-soft`, label: c.own("soft"), min: -5, max: 3, step: 0.25, value: Math.log2(soft), format: (power) => c.fixed(2 ** power, 2),
        onInput: (power) => show(2 ** power), onChange: (power) => c.set({ soft: power === 0 ? null : String(2 ** power) }),
      }),
      holder,
      claim(c, 19),
    );
  },
};

/** The numbers of one word's search in the chosen head. */
function searchOf(c) {
  const { head, i, layer } = chosen(c);
  const of = (name) => c.tensor(`${c.path}.${name}`).slice(head);
  return {
    i, head, layer, q: of("q").row(i), keys: of("k"), values: of("v"), scores: of("scores").row(i), weights: of("weights").row(i),
    word: c.rowTokens[i].label,
  };
}

/** The same idea with three books. The shares on them are invented, and the card says so. */
function books(c) {
  const book = (n, share) => h("li", { class: "book" },
    h("span", { class: "book-key bg-key" }, c.own(`book.${n}.key`)),
    h("span", { class: "book-value bg-value" }, c.own(`book.${n}.value`)),
    h("span", { class: "book-share", css: { "--share": String(share) } }, c.percent(share)));
  return h("section", { class: "card card-plain books", "aria-label": c.own("book.title") },
    h("h2", {}, c.own("book.title")),
    h("div", { class: "books-desk" },
      h("p", { class: "slip bg-query" }, h("span", { class: "slip-title" }, c.own("book.query")), h("span", { class: "slip-text" }, c.own("book.query.text"))),
      h("div", { class: "books-shelf" },
        h("p", { class: "books-head", "aria-hidden": "true" }, h("span", { class: "c-key" }, c.own("book.key")), h("span", { class: "c-value" }, c.own("book.value"))),
        h("ol", {}, book(1, 0.6), book(2, 0.37), book(3, 0.03)))),
    h("p", { class: "note" }, c.own("book.result")));
}

/** The cards of one search, with the mixture that comes back. */
function library(c, search, soft) {
  const { weights } = softmaxRow(search.scores.map((score) => score / soft));
  const z = mix(weights, search.values);
  const best = argmax(weights);
  const places = shownPlaces(weights, best);
  return figure(c, {
    id: "library", title: c.own("library", { word: search.word }), wide: true,
    graphic: h("div", { class: "library" },
      slip(c, search), shelf(c, search, { weights, places }), answer(c, z)),
    svg: () => bars({
      items: places.map((j) => ({ token: c.colTokens[j], value: weights[j] })), max: 1, format: (x) => c.percent(x),
    }).toSVG(),
    summary: [summary(c, search, weights), ...softNote(c, search, { soft, weights, best, z })],
    table: () => ({
      columns: [c.own("label"), c.own("match"), c.own("share"), c.own("share.now", { value: c.fixed(soft, 2) })],
      rows: c.colTokens.map((token, j) => [token, search.scores[j], search.weights[j], weights[j]]),
    }),
    note: places.length < weights.length ? c.own("shown", { count: places.length, total: weights.length }) : null,
  });
}

/** Which cards are laid out: all of a short sentence, else those with the largest shares; in the order of the sentence. */
function shownPlaces(weights, best) {
  if (weights.length <= 24) return Array.from(weights.keys());
  return [...new Set([best, ...topPlaces(weights, SHOWN)])].sort((a, b) => a - b);
}

function slip(c, { q, i }) {
  return h("div", { class: "slip bg-query" },
    h("span", { class: "slip-title" }, c.own("slip")),
    h("bdi", { class: "slip-text", lang: c.rowTokens[i].lang || null, dir: "auto" }, c.rowTokens[i].label),
    vectorMiniature(q, largest(q)));
}

function shelf(c, search, { weights, places }) {
  const highKey = largest(search.keys.data);
  const highValue = largest(search.values.data);
  return h("div", { class: "shelf" },
    h("div", { class: "shelf-head", "aria-hidden": "true" },
      h("span", { class: "c-key" }, c.own("label")), c.detail && h("span", {}, c.own("match")),
      h("span", { class: "c-attention" }, c.own("share")), h("span", { class: "c-value" }, c.own("content"))),
    h("ol", { class: c.detail ? "with-match" : null }, places.map((j) => {
      const hidden = search.scores[j] === -Infinity;
      return h("li", { class: `shelf-card${hidden ? " hidden" : ""}` },
        h("span", { class: "shelf-key" },
          h("bdi", { lang: c.colTokens[j].lang || null, dir: "auto" }, c.colTokens[j].label),
          vectorMiniature(search.keys.row(j), highKey)),
        c.detail && h("span", { class: "shelf-match" }, c.fixed(search.scores[j], 2)),
        h("span", { class: "shelf-share", css: { "--share": String(weights[j]) } },
          h("span", { class: "shelf-bar", "aria-hidden": "true" }), h("span", { class: "shelf-percent" }, hidden ? c.own("masked") : c.percent(weights[j]))),
        h("span", { class: "shelf-value", css: { "--share": String(Math.sqrt(weights[j])) } }, vectorMiniature(search.values.row(j), highValue)));
    })));
}

function answer(c, z) {
  return h("div", { class: "shelf-answer" },
    h("span", { class: "slip-title" }, c.own("answer")), h("span", { class: "note" }, c.own("answer.sum")), vectorMiniature(z, largest(z)));
}

function summary(c, search, weights) {
  const [best, second] = topPlaces(weights, 2);
  const alone = second === undefined || weights[second] === 0;
  return c.own(alone ? "summary.one" : "summary", {
    layer: search.layer + 1, head: search.head + 1, word: search.word,
    best: c.colTokens[best].label, percent: c.percent(weights[best]),
    second: alone ? "" : c.colTokens[second].label, second_percent: alone ? "" : c.percent(weights[second]),
  });
}

/** What the slider did: shares against the model's own, and how near the mixture is to one single value. */
function softNote(c, search, { soft, weights, best, z }) {
  if (Math.abs(soft - 1) < 1e-9) return [];
  const name = c.colTokens[best].label;
  const texts = [" ", c.own("soft.note", {
    value: c.fixed(soft, 2), best: name, percent: c.percent(weights[best]), model_percent: c.percent(search.weights[best]),
  })];
  if (weights[best] > 0.99) {
    texts.push(" ", c.own("soft.hard", { best: name, difference: c.fixed(maxDifference(z, search.values.row(best)), 3) }));
  }
  return texts;
}
