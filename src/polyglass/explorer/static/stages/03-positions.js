// Stage 3. What tells the model where a word stands: waves, a learned table, turning, or nothing.

import { button, choice, slider } from "../controls.js";
import { curve } from "../curve.js";
import { h } from "../dom.js";
import { figure, liveFigure } from "../figure.js";
import { placed } from "../first_word.js";
import { matrix } from "../matrix.js";
import { cosine, dot, norm, tensorOf } from "../numbers.js";
import { pickedToken, sideOf, sideTokens } from "../sides.js";
import { strips } from "../strip.js";
import { tokens } from "../tokens.js";
import { card } from "../card.js";
import { angle, maxSpread, sinusoid, wavelength } from "../waves.js";

const ROWS = 48; // places of the picture, if the sentence has fewer: the slow waves need room

export const stage = {
  number: 3,
  id: "positions",
  pass: 1,
  family: "transformer",
  part: (c) => `${stackOf(c)}.positions`,
  variant: (c) => c.model.config.positions,
  values: (c) => ({ pairs: pairs(c) }),
  needs: (c) => (adds(c) ? [`${stackOf(c)}.embedding`, `${stackOf(c)}.positions`, `${stackOf(c)}.embedded`] : [`${stackOf(c)}.embedded`]),
  draw(container, c) {
    const kind = c.model.config.positions;
    if (kind === "sinusoidal") container.append(heat(c, waves(c)), wave(c), c.detail ? alike(c, waves(c)) : "", sum(c));
    else if (kind === "learned") container.append(heat(c, c.tensor(`${stackOf(c)}.positions`)), alike(c, c.tensor(`${stackOf(c)}.positions`)), sum(c));
    else if (kind === "rotary") container.append(turning(c));
    else container.append(card({ kind: "note", title: c.own("none.title"), children: h("p", {}, c.own("none.words")) }));
    container.append(tryIt(c));
  },
};

function stackOf(c) {
  return sideOf(c) === "source" ? "encoder" : "decoder";
}

/** True if positions are added to the words, and are not switched off in this run. */
function adds(c) {
  return c.run.tensors.some(({ path }) => path === `${stackOf(c)}.positions`);
}

function pairs(c) {
  return Math.floor((c.model.config.positions === "rotary" ? c.sizes.d_k : c.sizes.d_model) / 2);
}

/** The patterns of the sentence's places as the model used them, continued by the formula. */
function waves(c) {
  const own = adds(c) ? c.tensor(`${stackOf(c)}.positions`).rows() : [];
  const rows = Math.max(ROWS, sideTokens(c).length);
  return tensorOf(Array.from({ length: rows }, (_, place) => own[place] ?? sinusoid(place, c.sizes.d_model)));
}

function side(c) {
  return choice({ key: "side", label: c.t("word.side"), value: sideOf(c), onChange: (one) => c.set({ side: one, i: 0 }), options: ["source", "target"].map((one) => [one, c.t(`word.${one}`)]) });
}

function heat(c, table) {
  const all = sideTokens(c);
  const rows = table.shape[0];
  const names = Array.from({ length: rows }, (_, place) => all[place] ?? { label: String(place) });
  const learned = c.model.config.positions === "learned";
  return figure(c, {
    id: "positions", title: c.own("heat"), controls: side(c),
    graphic: matrix({
      key: `${c.part}-positions`, data: table, rows: names.map(({ label }, place) => (place < all.length ? `${place} ${label}` : String(place))), cols: null, fit: true, height: rows > 64 ? 6 : rows > 32 ? 10 : 16, scale: "signed", words: c.words, label: c.own("heat"), gapless: true,
      describe: (place, index, value) => `${c.t("word.position")} ${place}, ${c.t("word.dimension")} ${index}: ${c.fixed(value, 4)}`,
      onPin: (place) => c.set({ i: Math.min(place, all.length - 1) }),
    }),
    summary: c.own(learned ? "heat.learned" : "heat.summary", { rows }), note: [rows > all.length && c.own("heat.more", { S: all.length }), c.state.edits.some(({ kind }) => kind === "positions_off") && c.own("heat.off")].filter(Boolean).join(" ") || null,
    table: () => ({ columns: [c.t("word.position"), ...Array.from({ length: c.sizes.d_model }, (_, index) => String(index))], rows: table.rows().map((row, place) => [place, ...row]) }),
  });
}

/** One pair (2i, 2i + 1) along the sentence; a slider chooses which. */
function wave(c) {
  const last = pairs(c) - 1;
  const first = Math.min(c.number("pair", Math.min(4, last)), last);
  const control = slider({
    key: `${c.part}-pair`, label: c.own("wave.pair"), min: 0, max: last, value: first, format: (pair) => c.own("wave.pair.value", { even: 2 * pair, odd: 2 * pair + 1 }),
    onInput: (pair) => show(pair), onChange: (pair) => c.set({ pair: String(pair) }, { quiet: true }),
  });
  const { element, show } = liveFigure(c, control, first, (pair) => waveOf(c, pair));
  return element;
}

/** The two curves of a pair, with the places of the sentence on them. */
function waveOf(c, pair) {
  const all = sideTokens(c);
  const length = wavelength(pair, c.sizes.d_model);
  const last = Math.max(ROWS, all.length) - 1;
  const smooth = (odd) => Array.from({ length: 8 * last + 1 }, (_, index) => [index / 8, odd ? Math.cos(angle(index / 8, pair, c.sizes.d_model)) : Math.sin(angle(index / 8, pair, c.sizes.d_model))]);
  const dots = (odd) => all.map((_, place) => [place, smooth(odd)[8 * place][1]]);
  const turns = (all.length - 1) / length;
  return {
    id: "wave", title: c.own("wave"),
    graphic: curve({
      key: `${c.part}-wave`, label: c.own("wave"), x: { label: c.t("word.position"), domain: [0, last] }, y: { domain: [-1.08, 1.08], ticks: [-1, 0, 1] }, height: 220,
      series: [
        { name: c.own("wave.sin", { even: 2 * pair }), points: smooth(false), colour: "var(--value)" }, { name: c.own("wave.cos", { odd: 2 * pair + 1 }), points: smooth(true), colour: "var(--key)", dashed: true },
        { points: dots(false), colour: "var(--value)", dots: true, lineless: true }, { points: dots(true), colour: "var(--key)", dots: true, lineless: true },
      ],
    }),
    summary: c.own("wave.summary", {
      pair: pair + 1, pairs: pairs(c), length: c.short(length), within: turns >= 1 ? c.own("wave.fast", { turns: c.fixed(turns, 1) }) : c.own("wave.slow", { percent: c.percent(turns) }),
    }),
    table: () => ({ columns: [c.t("word.position"), c.own("wave.sin", { even: 2 * pair }), c.own("wave.cos", { odd: 2 * pair + 1 })], rows: all.map((_, place) => [place, Math.sin(angle(place, pair, c.sizes.d_model)), Math.cos(angle(place, pair, c.sizes.d_model))]) }),
  };
}

/** The dot product of one place's pattern with that of every other. */
function alike(c, table) {
  const rows = table.rows();
  const here = Math.min(placed(c.state.i, sideTokens(c)), rows.length - 1);
  const points = rows.map((row, place) => [place - here, dot(rows[here], row)]);
  const sinusoidal = c.model.config.positions === "sinusoidal";
  const next = rows[here + 1] ?? rows[here - 1] ?? rows[here];
  return figure(c, {
    id: "alike", title: c.own("dots"),
    graphic: curve({
      key: `${c.part}-alike`, label: c.own("dots"), height: 220, cursor: 0, x: { label: c.own("dots.x") }, y: { label: c.own("dots.y") },
      series: [{ name: c.own("dots.name", { place: here }), points, colour: "var(--attention)", dots: rows.length < 60 }],
    }),
    summary: c.own(sinusoidal ? "dots.summary" : "dots.learned", {
      place: here, same: c.fixed(dot(rows[here], rows[here]), 1), next: c.fixed(dot(rows[here], next), 1), check: c.own("dots.check", { difference: maxSpread(rows).toExponential(0) }),
    }),
    table: () => ({ columns: [c.own("dots.x"), c.own("dots.y")], rows: points }),
  });
}

/** The vector of a word, that of its place, and their sum. */
function sum(c) {
  const token = pickedToken(c);
  const of = (name) => c.tensor(`${stackOf(c)}.${name}`).row(token.index);
  if (!adds(c)) return h("p", { class: "quiet" }, c.own("sum.off"));
  const [word, position, both] = [of("embedding"), of("positions"), of("embedded")];
  const vectors = [{ label: c.own("sum.word"), values: word }, { label: c.own("sum.place"), values: position }, { label: c.own("sum.both"), values: both }];
  return figure(c, {
    id: "sum", title: c.own("sum"),
    controls: tokens({ key: `${c.part}-sum`, tokens: sideTokens(c), picked: token.index, colour: sideOf(c), label: c.t(`word.${sideOf(c)}`), onPick: (i) => c.set({ i }) }),
    graphic: strips({ key: `${c.part}-sum-strips`, vectors, height: 28, words: c.words, label: c.own("sum"), describe: (row, index, value) => `${vectors[row].label}, ${c.t("word.dimension")} ${index}: ${c.fixed(value, 4)}` }),
    summary: c.own("sum.summary", { piece: token.label, place: token.index, word: c.fixed(norm(word), 2), position: c.fixed(norm(position), 2), both: c.fixed(norm(both), 2), cosine: c.fixed(cosine(word, both), 2) }),
    table: () => ({ columns: [c.t("word.dimension"), ...vectors.map(({ label }) => label)], rows: Array.from(word, (value, index) => [index, value, position[index], both[index]]) }),
  });
}

/** Rotary positions: how far a pair turns, and what two words of some distance see of each other. */
function turning(c) {
  const last = pairs(c) - 1;
  const pair = Math.min(c.number("pair", 0), last);
  const distance = Math.max(0, Math.min(c.number("distance", 3), 64));
  const step = 1 / 10000 ** ((2 * pair) / c.sizes.d_k);
  const points = Array.from({ length: 65 }, (_, place) => [place, Math.cos(place * step)]);
  const degrees = (x) => c.short((x * 180) / Math.PI);
  return figure(c, {
    id: "turning", title: c.own("rotary.title"),
    controls: [
      slider({ key: `${c.part}-pair`, label: c.own("wave.pair"), min: 0, max: last, value: pair, format: (one) => c.own("wave.pair.value", { even: 2 * one, odd: 2 * one + 1 }), onChange: (one) => c.set({ pair: String(one) }) }),
      slider({ key: `${c.part}-distance`, label: c.own("rotary.distance"), min: 0, max: 64, value: distance, onChange: (one) => c.set({ distance: String(one) }) }),
    ],
    graphic: curve({
      key: `${c.part}-turning`, label: c.own("rotary.title"), height: 220, cursor: distance, x: { label: c.own("dots.x") }, y: { label: c.own("rotary.y"), domain: [-1.08, 1.08], ticks: [-1, 0, 1] },
      series: [{ points, colour: "var(--query)", dots: true }],
    }),
    summary: c.own("rotary.summary", { pair: pair + 1, pairs: last + 1, angle: degrees(step), distance, total: degrees(step * distance) }),
    table: () => ({ columns: [c.own("dots.x"), c.own("rotary.y")], rows: points }),
  });
}

/** Shuffle the words, or take the positions away: the model runs anew. */
function tryIt(c) {
  const shuffled = c.state.edits.find(({ kind }) => kind === "shuffle_source");
  const off = c.state.edits.some(({ kind }) => kind === "positions_off");
  const others = (kind) => c.state.edits.filter((edit) => edit.kind !== kind);
  if (!c.source.live) return null;
  return h("section", { class: "card card-plain" }, h("h2", {}, c.own("try")), h("p", {}, c.own("try.words")), h("div", { class: "controls" },
    button({ key: "shuffle", label: c.own(shuffled ? "try.again" : "try.shuffle"), onClick: () => c.runEdits([...others("shuffle_source"), { kind: "shuffle_source", seed: (shuffled?.seed ?? 0) + 1 }]) }),
    c.model.config.positions === "none" ? h("span", { class: "quiet" }, c.own("try.none"))
      : button({ key: "positions-off", label: c.own("try.off"), pressed: off, onClick: () => c.runEdits(off ? others("positions_off") : [...others("positions_off"), { kind: "positions_off", side: "both" }]) })));
}
