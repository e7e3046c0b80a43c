// Stage 2. A row of the table for each piece; what lies near it; the table on a map.

import { bars } from "../bars.js";
import { button, choice } from "../controls.js";
import { scatter } from "../curve.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { placed } from "../first_word.js";
import { argmax, extent, norm } from "../numbers.js";
import { refusedText } from "../refused.js";
import { sideOf, sideTokens } from "../sides.js";
import { strips } from "../strip.js";
import { tokens } from "../tokens.js";

const FREQUENT = 160; // pieces on the map beside those of the sentence

export const stage = {
  number: 2,
  id: "embedding",
  pass: 1,
  family: "any",
  part: (c) => `${sideOf(c) === "source" ? "encoder" : "decoder"}.embedding`,
  values: (c) => ({ root: c.fixed(Math.sqrt(c.sizes.d_model), 2) }),
  needs: (c) => [path(c)],
  async load(c) {
    const side = sideOf(c);
    const id = centre(c);
    const asked = { model: c.model.id, side };
    const ids = [...new Set([...sideTokens(c).map((token) => token.id), id])];
    const quietly = (promise) => promise.catch((error) => {
      if (c.signal.aborted || error.code !== "left_out") throw error;
      return { refused: refusedText(c.words, error) };
    });
    const [near, map] = await Promise.all([
      quietly(c.store.once("neighbours", { ...asked, id }, c.signal)), quietly(c.store.once("map", { ...asked, ids, frequent: FREQUENT }, c.signal)),
    ]);
    return { near, map };
  },
  draw(container, c) {
    const all = sideTokens(c);
    container.append(
      h("div", { class: "controls" }, choice({
        key: "side", label: c.t("word.side"), value: sideOf(c), onChange: (side) => c.set({ side, i: 0, near: null }), options: ["source", "target"].map((side) => [side, c.t(`word.${side}`)]),
      })),
      tokens({
        key: `${c.part}-embedding`, tokens: all, picked: place(c), colour: sideOf(c), label: c.t(`word.${sideOf(c)}`), onPick: (i) => c.set({ i, near: null }),
      }),
      lookup(c, all[place(c)]), c.detail ? everything(c, all) : "", neighbours(c), map(c, all),
    );
  },
};

function path(c) {
  return sideOf(c) === "source" ? "encoder.embedding" : "decoder.embedding";
}

function place(c) {
  return placed(c.state.i, sideTokens(c));
}

/** The id whose neighbours are shown: that of the picked piece, or where the user went from there. */
function centre(c) {
  return c.number("near", sideTokens(c)[place(c)].id);
}

/** The row of one piece as it lies in the table, and after scaling. */
function lookup(c, token) {
  const scaled = c.tensor(path(c)).row(token.index);
  const root = Math.sqrt(c.sizes.d_model);
  const row = Array.from(scaled, (x) => x / root);
  const [low, high] = extent(row);
  const rows = sideOf(c) === "source" ? c.sizes.V_source : c.sizes.V_target;
  const vectors = [{ label: c.own("row", { id: token.id }), values: row }, { label: c.own("scaled"), values: scaled }];
  const both = strips({
    key: `${c.part}-lookup`, vectors, height: 34, words: c.words, label: c.own("lookup"), describe: (which, index, value) => `${vectors[which].label}, ${c.t("word.dimension")} ${index}: ${c.fixed(value, 4)}`,
  });
  const sheet = h("div", { class: "lookup-table", css: { "--kind": `var(--${token.side})` } },
    h("div", { class: "lookup-sheet", "aria-hidden": "true" }, h("span", { class: "lookup-row", css: { "--share": String(token.id / Math.max(1, rows - 1)) } })),
    h("div", { class: "lookup-strips" }, both),
    h("p", { class: "lookup-words" }, c.own("lookup.table"), h("br"), `${c.words.integer(rows)} × ${c.sizes.d_model}`));
  return figure(c, {
    id: "lookup", title: c.own("lookup"), graphic: sheet, svg: () => both.toSVG(),
    summary: c.own("lookup.summary", { piece: token.label, id: c.words.integer(token.id), low: c.fixed(low, 2), high: c.fixed(high, 2), norm: c.fixed(norm(scaled), 2) }),
    table: () => ({ columns: [c.t("word.dimension"), c.own("row", { id: token.id }), c.own("scaled")], rows: row.map((value, index) => [index, value, scaled[index]]) }),
  });
}

function everything(c, all) {
  const tensor = c.tensor(path(c));
  const lengths = all.map((_, index) => norm(tensor.row(index)));
  const longest = argmax(lengths);
  const shortest = argmax(lengths.map((length) => -length));
  return figure(c, {
    id: "embedding", title: c.own("all"),
    graphic: strips({
      key: `${c.part}-all`, vectors: all.map((token, index) => ({ token, label: token.label, values: tensor.row(index) })), words: c.words, height: all.length > 24 ? 12 : 20,
      picked: [place(c), 0], onPick: (i) => c.set({ i, near: null }), label: c.own("all"),
      describe: (row, index, value) => `${all[row].label}, ${c.t("word.dimension")} ${index}: ${c.fixed(value, 4)}`,
    }),
    summary: c.own("all.summary", { count: all.length, longest: all[longest].label, high: c.fixed(lengths[longest], 1), shortest: all[shortest].label, low: c.fixed(lengths[shortest], 1) }),
    table: () => ({ columns: [c.t("word.piece"), ...Array.from({ length: c.sizes.d_model }, (_, index) => String(index))], rows: all.map((token, index) => [token, ...tensor.row(index)]) }),
  });
}

/** The ten nearest pieces; each is a way on. */
function neighbours(c) {
  const { near } = c.extra;
  if (near.refused) return h("p", { class: "quiet" }, near.refused);
  const lang = near.table === "shared" ? "" : sideOf(c) === "source" ? c.model.source_lang : c.model.target_lang;
  const strayed = near.id !== sideTokens(c)[place(c)].id;
  const found = near.neighbours;
  return figure(c, {
    id: "neighbours", title: c.own("neighbours", { piece: near.label }),
    controls: [c.source.live && search(c), strayed && button({ key: "home", label: c.own("back"), small: true, onClick: () => c.set({ near: null }) })],
    graphic: bars({
      key: `${c.part}-near`, colour: sideOf(c), max: 1, format: (x) => c.fixed(x, 3), label: c.own("neighbours", { piece: near.label }),
      items: found.map((one) => ({ token: { label: one.label, lang }, value: one.cosine })), onPick: c.source.live ? (index) => c.set({ near: String(found[index].id) }) : null,
    }),
    summary: c.own("neighbours.summary", { total: c.words.integer(near.shown[1]), piece: near.label, first: found[0].label, cosine: c.fixed(found[0].cosine, 2) }),
    note: [near.rare && c.own("rare", { count: near.count }), c.own(near.table === "shared" ? "shared" : "separate", { side: c.t(`word.${sideOf(c)}`) })].filter(Boolean).join(" "),
    table: () => ({ columns: [c.t("word.piece"), c.own("id"), c.own("cosine"), c.own("count")], rows: found.map((one) => [{ label: one.piece, lang }, one.id, one.cosine, one.count ?? "–"]) }),
  });
}

/** A field that finds pieces by their beginning; each result is a button. */
function search(c) {
  const results = h("div", { class: "found", role: "group", "aria-label": c.own("search") });
  let last = null;
  const input = h("input", { type: "search", id: `${c.part}-search`, autocomplete: "off", spellcheck: "false", dir: "auto", oninput: async () => {
    last?.abort();
    last = new AbortController();
    const query = input.value.trim();
    if (!query) return results.replaceChildren();
    try {
      const reply = await c.source.vocabulary({ model: c.model.id, side: sideOf(c), query }, last.signal);
      const shown = reply.matches.slice(0, 12).map(({ id, label }) => button({ label, small: true, onClick: () => c.set({ near: String(id) }) }));
      results.replaceChildren(...(shown.length ? shown : [c.own("search.none")]));
    } catch (error) {
      if (error.name !== "AbortError") results.replaceChildren(refusedText(c.words, error));
    }
  } });
  return h("div", { class: "search" }, h("label", { for: input.id }, c.own("search")), input, results);
}

/** Two directions of the table: the pieces of the sentence among the most frequent others. */
function map(c, all) {
  const { map: reply } = c.extra;
  if (reply.refused) return h("p", { class: "quiet" }, reply.refused);
  const mine = new Set(all.map((token) => token.id));
  const id = centre(c);
  const share = (axis) => c.percent(reply.variance[axis]);
  const points = reply.points.map((point) => ({ ...point, big: mine.has(point.id) || point.id === id, colour: point.id === id ? "var(--query)" : mine.has(point.id) ? `var(--${sideOf(c)})` : null }));
  return figure(c, {
    id: "map", title: c.own("map"),
    graphic: scatter({
      key: `${c.part}-map`, points, x: { label: c.own("map.x", { x: share(0), y: share(1) }) }, label: c.own("map"), onPick: c.source.live ? (point) => c.set({ near: String(point.id) }) : null,
    }),
    summary: c.own("map.summary", { percent: c.percent(reply.variance[0] + reply.variance[1]) }),
    note: c.own("map.note", { shown: c.words.integer(reply.shown[0]), total: c.words.integer(reply.shown[1]) }),
    table: () => ({ columns: [c.t("word.piece"), c.own("id"), "1", "2"], rows: reply.points.map((point) => [{ label: point.piece }, point.id, point.x, point.y]) }),
  });
}
