// Stage 4. One word's vector on its way through the encoder: tile by tile, layer by layer.

import { layerPicker } from "../controls.js";
import { curve } from "../curve.js";
import { figure } from "../figure.js";
import { placed } from "../first_word.js";
import { flow, flowTable, stepsOf } from "../flow.js";
import { argmax, clamp, cosine, norm } from "../numbers.js";
import { strips } from "../strip.js";
import { tokens } from "../tokens.js";

const SUBLAYERS = [["attention", "self_attention"], ["ffn", "feed_forward"]];

export const stage = {
  number: 4,
  id: "encoder",
  pass: 1,
  family: "transformer",
  part: "encoder",
  variant: (c) => c.model.config.norm_place,
  values: (c) => ({ order: c.t(`stage.encoder.order.${c.model.config.norm_place}`), after: outputs(c)[layerOf(c)] }),
  needs: (c) => ["encoder.embedded", ...outputs(c), ...steps(c).map(({ path }) => path), "encoder.cosine", "encoder.norms", ...last(c)],
  draw(container, c) {
    const i = wordOf(c);
    container.append(
      tokens({ key: `${c.part}-encoder`, tokens: c.sourceTokens, picked: i, colour: "source", label: c.t("word.source"), onPick: (index) => c.set({ i: index }) }),
      through(c, i), left(c, i), ...(c.detail ? [layers(c, i), everything(c)] : []),
    );
  },
};

function wordOf(c) {
  return placed(c.state.i, c.sourceTokens);
}

function layerOf(c) {
  return clamp(c.state.layer, 0, c.sizes.N_encoder - 1);
}

function outputs(c) {
  return c.model.layers.filter(({ stack }) => stack === "encoder").map(({ output }) => output);
}

function steps(c) {
  return stepsOf(c, "encoder", layerOf(c), SUBLAYERS);
}

/** The norm after the last layer, which only pre-norm models have. */
function last(c) {
  return c.model.config.norm_place === "pre" ? ["encoder.norm"] : [];
}

function through(c, i) {
  const all = steps(c);
  const length = (kind) => c.short(norm(c.tensor(all.find((step) => step.kind === kind).path).row(i)));
  const after = c.tensor(outputs(c)[layerOf(c)]).row(i);
  const values = { piece: c.sourceTokens[i].label, layer: layerOf(c) + 1 };
  return figure(c, {
    id: "flow", title: c.own("flow", values), controls: layerPicker(c, c.sizes.N_encoder), graphic: flow(c, `${c.part}-flow`, all, i),
    summary: c.own("flow.summary", { ...values, before: length("in"), attention: length("attention"), ffn: length("ffn"), cosine: c.fixed(cosine(c.tensor("encoder.embedded").row(i), after), 2) }),
    table: () => flowTable(c, all, i),
  });
}

function layers(c, i) {
  const paths = ["encoder.embedded", ...outputs(c), ...last(c)];
  const name = (index) => (index === 0 ? c.own("layers.input") : index > c.sizes.N_encoder ? c.own("layers.norm") : c.own("layers.layer", { layer: index }));
  const vectors = paths.map((path, index) => ({ label: name(index), values: c.tensor(path).row(i) }));
  const values = { piece: c.sourceTokens[i].label };
  return figure(c, {
    id: "layers", title: c.own("layers", values),
    graphic: strips({
      key: `${c.part}-layers`, vectors, height: 24, words: c.words, label: c.own("layers", values),
      describe: (row, index, value) => `${vectors[row].label}, ${c.t("word.dimension")} ${index}: ${c.fixed(value, 4)}`,
      onPick: (row) => c.set({ layer: clamp(row - 1, 0, c.sizes.N_encoder - 1) }),
    }),
    summary: c.own("layers.summary", { first: c.short(norm(vectors[0].values)), last: c.short(norm(vectors[c.sizes.N_encoder].values)) }),
    table: () => ({ columns: [c.t("word.dimension"), ...vectors.map(({ label }) => label)], rows: Array.from(vectors[0].values, (_, index) => [index, ...vectors.map(({ values: row }) => row[index])]) }),
  });
}

/** The cosine of each layer's vector with the one that went in. */
function left(c, i) {
  const table = c.tensor("encoder.cosine");
  const depth = table.shape[0];
  const line = (index) => Array.from({ length: depth }, (_, layer) => [layer, table.at(layer, index)]);
  const order = [...c.sourceTokens.keys()].filter((index) => index !== i);
  const top = Array.from(table.row(depth - 1));
  const most = argmax(top.map((x) => -x));
  const least = argmax(top);
  const others = order.map((index, place) => ({ name: place ? null : c.own("cosine.others"), points: line(index), colour: "var(--hatch)" }));
  return figure(c, {
    id: "cosine", title: c.own("cosine"),
    graphic: curve({
      key: `${c.part}-cosine`, label: c.own("cosine"), x: { label: c.own("cosine.x"), ticks: Array.from({ length: depth }, (_, layer) => layer) }, y: { label: c.own("cosine.y"), domain: [Math.min(0, ...table.data), 1.02] },
      series: [...others, { name: c.sourceTokens[i].label, points: line(i), colour: "var(--source)", dots: true }], onPick: (x) => c.set({ layer: clamp(Math.round(x) - 1, 0, c.sizes.N_encoder - 1) }),
    }),
    summary: c.own("cosine.summary", {
      layers: depth - 1, piece: c.sourceTokens[i].label, picked: c.fixed(top[i], 2), most: c.sourceTokens[most].label, low: c.fixed(top[most], 2), least: c.sourceTokens[least].label, high: c.fixed(top[least], 2),
    }),
    table: () => ({ columns: [c.t("word.piece"), ...Array.from({ length: depth }, (_, layer) => String(layer))], rows: c.sourceTokens.map((token, index) => [token, ...line(index).map(([, y]) => y)]) }),
  });
}

function everything(c) {
  const layer = layerOf(c);
  const rows = c.tensor(outputs(c)[layer]).rows();
  const [one, other, cos] = nearest(rows);
  const values = { layer: layer + 1, one: c.sourceTokens[one].label, other: c.sourceTokens[other].label, cosine: c.fixed(cos, 2) };
  return figure(c, {
    id: "states", title: c.own("all", values), controls: layerPicker(c, c.sizes.N_encoder, "states-layer"),
    graphic: strips({
      key: `${c.part}-states`, vectors: rows.map((row, index) => ({ token: c.sourceTokens[index], label: c.sourceTokens[index].label, values: row })), height: rows.length > 24 ? 12 : 20, words: c.words, label: c.own("all", values),
      picked: [wordOf(c), 0], onPick: (i) => c.set({ i }), describe: (row, index, value) => `${c.sourceTokens[row].label}, ${c.t("word.dimension")} ${index}: ${c.fixed(value, 4)}`,
    }),
    summary: rows.length > 1 ? c.own("all.summary", values) : null,
    table: () => ({ columns: [c.t("word.piece"), ...Array.from({ length: c.sizes.d_model }, (_, index) => String(index))], rows: rows.map((row, index) => [c.sourceTokens[index], ...row]) }),
  });
}

/** The two rows whose vectors are most alike. */
function nearest(rows) {
  let best = [0, Math.min(1, rows.length - 1), -2];
  for (let a = 0; a < rows.length; a++) {
    for (let b = a + 1; b < rows.length; b++) {
      const value = cosine(rows[a], rows[b]);
      if (value > best[2]) best = [a, b, value];
    }
  }
  return best;
}
