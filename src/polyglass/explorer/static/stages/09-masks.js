// Stage 9: padding and the future, two masks with two patterns; what leaks when one is lifted; the end of pass 2.

import { argmax, dot, rowOf, softmaxRow, total } from "../arithmetic.js";
import { bars } from "../bars.js";
import { card } from "../card.js";
import { claim } from "../claims.js";
import { button, layerHead, toggle } from "../controls.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { batchGrid, cellWords, hiddenBy, hiddenWeights, largestRowError, maskLegend } from "../masks.js";
import { matrix } from "../matrix.js";
import { clamp } from "../numbers.js";
import { pairs } from "../pairs.js";
import { passQuiz, quizNeeds } from "../pass_quiz.js";
import { refusedText } from "../refused.js";
import { remembered } from "../tiles.js";
import { scientific } from "../verdict.js";

export const stage = {
  number: 9,
  id: "masks",
  pass: 2,
  family: "transformer",
  part: "decoder.attention",
  values: (c) => ({ hidden: (c.sizes.T * (c.sizes.T - 1)) / 2 }),
  needs: (c) => [...["weights", "q", "k"].map((name) => `${decoderPath(c)}.${name}`), ...quizNeeds(c, 2)],
  async load(c) {
    const [batch, leak] = await Promise.all([loadBatch(c), c.state.lift === "1" ? loadLeak(c) : null]);
    return { batch, leak };
  },
  draw(container, c) {
    const { batch, leak } = c.extra;
    container.append(
      layerHead(c, { kinds: false }),
      causal(c),
      toggle({ key: `${c.part}-lift`, label: c.own("lift"), value: c.state.lift === "1", onChange: (on) => c.set({ lift: on ? "1" : null }) }),
      ...(leak ? leaking(c, leak) : []),
      claim(c, 22, afterwards(c)),
      ...padding(c, batch),
      card({ kind: "note", children: h("p", {}, c.own("target_padding")) }),
      passQuiz(c, 2),
    );
  },
};

function decoderPath(c) {
  return `decoder.layers.${clamp(c.state.layer, 0, c.sizes.N_decoder - 1)}.self_attention`;
}

function encoderPath(c) {
  return `encoder.layers.${clamp(c.state.layer, 0, c.sizes.N_encoder - 1)}.self_attention`;
}

const headOf = (c) => clamp(c.state.head, 0, c.sizes.h - 1);
const wordOf = (c) => clamp(c.number("m", Math.floor((c.inputTokens.length - 1) / 2)), 0, c.inputTokens.length - 1);

/** The two other sentences: the user's own, or two examples of the model that are not this one. */
function companions(c) {
  const others = (c.model.examples ?? []).filter((text) => text !== c.run.source.text).sort((a, b) => a.length - b.length);
  return [c.state.second || others[0] || c.run.source.text.split(" ")[0], c.state.third || others[1] || c.run.source.text];
}

async function loadBatch(c) {
  const texts = [c.run.source.text, ...companions(c)];
  try {
    const reply = await remembered(c, "batch", JSON.stringify(texts), () => c.source.batch({ model: c.model.id, texts }, c.signal));
    const sentence = clamp(c.number("row", shortest(reply)), 0, texts.length - 1);
    const path = `${encoderPath(c)}.weights`;
    const weights = await remembered(c, "batch", `${reply.run} ${path} ${sentence}`, () => c.source.tensors(reply.run, [path], { sentence }, c.signal));
    return { reply, sentence, weights: weights[path].slice(headOf(c)) };
  } catch (error) {
    if (c.signal?.aborted) throw error;
    return { refused: refusedText(c.words, error) };
  }
}

/** The sentence with the most padding: there is most to see. */
function shortest({ sentences }) {
  return argmax(sentences.map(({ source }) => -source.pieces.length));
}

async function loadLeak(c) {
  try {
    const reply = await remembered(c, "leak", "", () => c.source.leak({ run: c.run.run }, c.signal));
    const path = `${decoderPath(c)}.weights`;
    const lifted = await remembered(c, "leak", path, () => c.source.tensors(reply.run, [path], {}, c.signal));
    return { reply, weights: lifted[path].slice(headOf(c)) };
  } catch (error) {
    if (c.signal?.aborted) throw error;
    return { refused: refusedText(c.words, error) };
  }
}

/** The decoder's own look back, with what it may not see as a pattern. */
function causal(c) {
  const weights = c.tensor(`${decoderPath(c)}.weights`).slice(headOf(c));
  const hidden = hiddenBy("causal");
  const { count, largest } = hiddenWeights(weights, hidden);
  const i = wordOf(c);
  const shown = c.state.dots !== "0";
  const picture = grid(c, { key: "causal", weights, rows: c.inputTokens, columns: c.inputTokens, hidden: shown ? hidden : () => false, pinned: i });
  return figure(c, {
    id: "causal", title: c.own("causal"), wide: true,
    controls: toggle({ key: `${c.part}-dots`, label: c.own("overlay.causal"), value: shown, onChange: (on) => c.set({ dots: on ? null : "0" }) }),
    graphic: h("div", {}, picture, maskLegend(c, ["causal"])), svg: () => picture.toSVG(),
    summary: c.own("causal.summary", {
      word: c.inputTokens[i].label, place: i + 1, total: c.inputTokens.length, seen: i + 1, hidden: c.inputTokens.length - i - 1, count,
      weight: largest === 0 ? "0" : scientific(largest), error: scientific(largestRowError(weights)),
    }),
    table: () => ({ columns: ["", ...c.inputTokens], rows: c.inputTokens.map((token, row) => [token, ...weights.row(row)]) }),
  });
}

function grid(c, { key, weights, rows, columns, hidden, pinned }) {
  return matrix({
    key: `${c.part}-${key}`, data: weights, rows, cols: columns, scale: "weights", words: c.words, maskedWords: c.own("cell.short"), masked: hidden, rowTitle: c.t("word.query"), colTitle: c.t("word.key"),
    describe: cellWords(c, { rows, columns, hidden }), label: c.own(key),
    pinned: pinned === undefined ? null : { row: pinned, col: pinned }, onPin: pinned === undefined ? null : (i, j) => c.set({ m: String(i), i, j }),
  });
}

/** The mask lifted: the same head, then what became of the words. */
function leaking(c, { reply, weights, refused }) {
  if (refused) return [h("p", { class: "quiet-note" }, refused)];
  const here = reply.future_share.find(({ path }) => path === decoderPath(c)).heads[headOf(c)];
  const all = reply.future_share.flatMap(({ path, heads }) => heads.map((share, head) => ({ share, head, layer: Number(/\.layers\.(\d+)\./.exec(path)[1]) })));
  const most = all.reduce((a, b) => (b.share > a.share ? b : a));
  const name = ({ layer, head }) => c.t("stage.heads.name", { layer: layer + 1, head: head + 1 });
  const words = c.outputTokens.map((token, place) => ({ token, a: Math.exp(reply.log_probs.masked[place]), b: Math.exp(reply.log_probs.lifted[place]) }));
  return [
    figure(c, {
      id: "lifted", title: c.own("lifted"), wide: true,
      graphic: grid(c, { key: "lifted", weights, rows: c.inputTokens, columns: c.inputTokens, hidden: () => false }),
      summary: c.own("lifted.summary", { percent: c.percent(here), zero: "0" }),
      table: () => ({ columns: ["", ...c.inputTokens], rows: c.inputTokens.map((token, row) => [token, ...weights.row(row)]) }),
    }),
    figure(c, {
      id: "leak", title: c.own("leak"),
      graphic: pairs({ key: `${c.part}-leak`, items: words, names: [c.own("leak.with"), c.own("leak.without")], colours: ["quiet", "attention"], max: 1, format: (x) => c.percent(x) }),
      summary: c.own("leak.summary", { before: c.fixed(reply.log_prob.masked, 2), after: c.fixed(reply.log_prob.lifted, 2), changed: words.filter(({ a, b }) => Math.abs(a - b) > 0.1).length, total: words.length }),
      note: c.rich("stage.masks.leak.honest"),
      table: () => ({ columns: [c.own("leak.word"), c.own("leak.with"), c.own("leak.without")], rows: words.map(({ token, a, b }) => [token, a, b]) }),
    }),
    figure(c, {
      id: "leak-heads", title: c.own("leak.heads"),
      graphic: bars({ key: `${c.part}-leak-heads`, items: all.map((one) => ({ label: name(one), value: one.share, mark: one === most })), max: 1, format: (x) => c.percent(x) }),
      summary: c.own("leak.heads.summary", { head: name(most), percent: c.percent(most.share) }),
      table: () => ({ columns: [c.t("word.layer"), c.t("word.head"), c.own("leak.heads")], rows: all.map(({ layer, head, share }) => [layer + 1, head + 1, share]) }),
    }),
  ];
}

/** What zeros written in after the softmax would lose, in the chosen row: the words for statement 22. */
function afterwards(c) {
  const i = wordOf(c);
  const q = c.tensor(`${decoderPath(c)}.q`).slice(headOf(c)).row(i);
  const keys = c.tensor(`${decoderPath(c)}.k`).slice(headOf(c));
  const scores = Array.from({ length: keys.shape[0] }, (_, j) => dot(q, rowOf(keys, j)) / Math.sqrt(q.length));
  const kept = total(softmaxRow(scores).weights.slice(0, i + 1));
  return { word: c.inputTokens[i].label, percent: c.percent(kept), lost: c.percent(1 - kept) };
}

/** The batch and the padded weights of one of its sentences. */
function padding(c, { reply, sentence, weights, refused }) {
  if (refused) return [h("h2", { class: "picker-title" }, c.own("batch")), h("p", { class: "quiet-note" }, refused)];
  const sentences = reply.sentences.map(({ source }) => ({ labels: source.labels, lang: c.model.source_lang }));
  const real = sentences[sentence].labels.length;
  const labels = Array.from({ length: reply.length }, (_, place) => ({ label: sentences[sentence].labels[place] ?? c.own("pad"), lang: c.model.source_lang }));
  const hidden = hiddenBy("padding", { real });
  const { count, largest } = hiddenWeights(weights, (i, j) => i < real && hidden(i, j));
  const pads = total(sentences.map((one) => reply.length - one.labels.length));
  const batch = batchGrid({
    key: `${c.part}-batch`, sentences, length: reply.length, picked: sentence, onPick: (row) => c.set({ row: String(row) }), label: c.own("batch"), padding: c.own("pad"),
    rowName: (index) => c.own("batch.row", { number: index + 1 }), rowNote: (n, p) => c.own("batch.real", { real: n, pads: p, count: p }),
  });
  return [
    figure(c, {
      id: "batch", title: c.own("batch"), wide: true, controls: c.source.live ? companionFields(c) : null,
      graphic: h("div", {}, batch, maskLegend(c, ["padding"])), svg: () => batch.toSVG(),
      summary: c.own("batch.summary", { length: reply.length, pads, cells: reply.length * sentences.length }),
      table: () => ({ columns: [c.own("batch.sentence"), ...labels.map((_, place) => place + 1)], rows: sentences.map((one, index) => [c.own("batch.row", { number: index + 1 }), ...labels.map((_, place) => one.labels[place] ?? c.own("pad"))]) }),
    }),
    figure(c, {
      id: "padded", title: c.own("batch.weights", { number: sentence + 1 }), wide: true,
      controls: toggle({ key: `${c.part}-stripes`, label: c.own("overlay.padding"), value: c.state.stripes !== "0", onChange: (on) => c.set({ stripes: on ? null : "0" }) }),
      graphic: grid(c, { key: "padded", weights, rows: labels, columns: labels, hidden: c.state.stripes === "0" ? () => false : hidden }),
      summary: real === reply.length ? c.own("batch.no_padding") : c.own("batch.weights.summary", { count, weight: largest === 0 ? "0" : scientific(largest), difference: scientific(reply.difference[sentence]) }),
      note: real === reply.length ? null : c.own("batch.rows"),
      table: () => ({ columns: ["", ...labels], rows: labels.map((token, row) => [token, ...weights.row(row)]) }),
    }),
  ];
}

function companionFields(c) {
  const [second, third] = companions(c);
  const field = (name, label, value) => {
    const input = h("input", { type: "text", class: "text-field", value, lang: c.model.source_lang, dir: "auto", maxlength: 400 });
    const form = h("form", { class: "batch-field", onsubmit: (event) => { event.preventDefault(); c.set({ [name]: input.value }); } },
      h("label", {}, h("span", {}, label), input), button({ label: c.own("batch.use"), small: true, onClick: () => c.set({ [name]: input.value }) }));
    return form;
  };
  return [field("second", c.own("batch.second"), second), field("third", c.own("batch.third"), third)];
}
