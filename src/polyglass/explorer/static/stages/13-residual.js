// Stage 13: the way around a sub-layer, the norm number by number, and the feed-forward layer; the end of pass 3.

import { moments, vectorLength } from "../arithmetic.js";
import { claim } from "../claims.js";
import { layerHead, picker } from "../controls.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { matrix } from "../matrix.js";
import { feedForward } from "../neurons.js";
import { normClaims, normKinds } from "../norm_kinds.js";
import { Tensor, cosine, largest } from "../numbers.js";
import { passQuiz, quizNeeds } from "../pass_quiz.js";
import { snippetBox } from "../snippet_box.js";
import { strips } from "../strip.js";
import { EPS, SUBLAYERS, sublayerNeeds, sublayerNumbers, sublayerOf } from "../sublayer.js";
import { remembered, weightBlock } from "../tiles.js";
import { verdict } from "../verdict.js";
import { wordPicker } from "../word_picker.js";

const PARTS = { "encoder.attention": "encoder.attention", "encoder.ffn": "encoder.ffn", "decoder.attention": "decoder.attention", "decoder.cross": "cross.attention", "decoder.ffn": "decoder.ffn" };

export const stage = {
  number: 13,
  id: "residual",
  pass: 3,
  family: "transformer",
  part: (c) => `${PARTS[sublayerOf(c).name]}.norm`,
  values: (c) => ({
    place: c.t(`stage.residual.${c.model.config.norm_place}`), residual: `${sublayerOf(c).path}_residual`, eps: EPS, ffn: c.words.integer(2 * c.sizes.d_model * c.sizes.d_ff),
    attention: c.words.integer(4 * c.sizes.d_model ** 2), beta: c.model.config.norm === "rms" ? "" : c.t("stage.residual.and_beta"),
  }),
  needs: (c) => [...new Set([...sublayerNeeds(c), `${sublayerOf(c).ffn}.hidden`, `${sublayerOf(c).ffn}.output`, `${sublayerOf(c).ffn}.w_2.bias`, ...quizNeeds(c, 3)])],
  async load(c) {
    const path = `${sublayerOf(c).ffn}.w_2.weight`;
    return { column: (await remembered(c, "weight", `${path} 0`, () => weightBlock(c, path, [0, 1, 0, c.sizes.d_ff]))).row(0) };
  },
  draw(container, c) {
    const place = sublayerOf(c);
    const numbers = sublayerNumbers(c);
    container.append(
      h("div", { class: "controls" },
        picker({ key: `${c.part}-sub`, label: c.own("sublayer"), value: place.name, onChange: (sub) => c.set({ sub }), options: SUBLAYERS.map((name) => [name, c.own(`sublayer.${name}`)]) }),
        layerHead(c, { kinds: false, heads: false })),
      wordPicker(c, { key: "who", title: c.own("pick"), tokens: place.tokens, picked: place.i, onPick: (i) => c.set({ i }), colour: "residual" }),
      flow(c, place), adding(c, place, numbers), norming(c, numbers),
      verdict(c, "stage.residual.check", numbers.differences),
      claim(c, 25),
      normKinds(c, numbers.before), normClaims(c),
      feedForward(c, c.tensor(`${place.ffn}.hidden`)),
      claim(c, 14, { percent: c.percent(share(c)) }),
      snippetBox(c, ["norm", "feed_forward"]),
      passQuiz(c, 3),
    );
  },
};

/** How much of an encoder layer's weights stands in its feed-forward layer (matrices only). */
function share(c) {
  const { d_model: d, d_ff: f } = c.sizes;
  return (2 * d * f) / (2 * d * f + 4 * d * d);
}

/** The order of things around the sub-layer, as this model has it. */
function flow(c, { name }) {
  const pre = c.model.config.norm_place === "pre";
  const box = (key, kind) => h("li", { class: `flow-box flow-${kind}` }, key);
  const sublayer = box(c.own(`sublayer.short.${name.split(".")[1]}`), name.endsWith("ffn") ? "ffn" : "attention");
  const norm = box(c.t(`norm.${c.model.config.norm}`), "norm");
  const inside = pre ? [norm, sublayer] : [sublayer];
  return h("div", { class: "flow", role: "img", "aria-label": c.own(pre ? "flow.pre" : "flow.post") },
    h("ol", { class: "flow-line" }, box("x", "residual"), h("li", { class: "flow-branch" }, h("ol", {}, inside), h("span", { class: "flow-skip" }, c.own("flow.skip"))), box("+", "sum"), !pre && norm, box(c.own("flow.out"), "residual")),
    h("p", { class: "note" }, c.own(pre ? "flow.pre" : "flow.post")));
}

function adding(c, { tokens: all, i }, { x, f, residual }) {
  const turned = cosine(x, residual);
  return figure(c, {
    id: "add", title: c.own("add", { word: all[i].label }), wide: true,
    graphic: strips({
      key: `${c.part}-add`, words: c.words, label: c.own("add", { word: all[i].label }),
      vectors: [{ label: c.own("add.x"), values: x }, { label: c.own("add.f"), values: f }, { label: c.own("add.sum"), values: residual }],
      describe: (_, index) => c.own("add.cell", { index, x: c.fixed(x[index], 4), f: c.fixed(f[index], 4), sum: c.fixed(residual[index], 4) }),
    }),
    summary: c.own(turned > 0.7 ? "add.summary" : "add.summary.turned", { word: all[i].label, length: c.fixed(vectorLength(f), 2), x: c.fixed(vectorLength(x), 2), cosine: c.fixed(turned, 2) }),
    table: () => ({ columns: ["", ...Array.from(x, (_, index) => index)], rows: [[c.own("add.x"), ...x], [c.own("add.f"), ...f], [c.own("add.sum"), ...residual]] }),
  });
}

function norming(c, { goesIn, repeated, gamma, beta, norm }) {
  const kind = c.model.config.norm;
  const lines = [
    [c.own("norm.input"), goesIn], [c.own({ layer: "norm.normalised", rms: "norm.normalised.rms", batch: "norm.normalised.batch" }[kind]), repeated.normalised], [c.own("norm.gamma"), gamma],
    ...(beta ? [[c.own("norm.beta"), beta]] : []), [c.own("norm.result"), norm],
  ];
  const figures = (name, x) => ({ [`mean${name}`]: plainZero(c, moments(x).mean), [`variance${name}`]: c.fixed(moments(x).variance, 3), [`rms${name}`]: c.fixed(vectorLength(x) / Math.sqrt(x.length), 3) });
  const readout = h("p", { class: "readout" }); // one line for all five: the whole sum at the place that is looked at
  const sum = (index) => c.own(beta ? "norm.cell" : "norm.cell.rms", {
    index, before: c.fixed(goesIn[index], 4), normalised: c.fixed(repeated.normalised[index], 4), gamma: c.fixed(gamma[index], 4), beta: beta ? c.fixed(beta[index], 4) : "", after: c.fixed(norm[index], 4),
  });
  const line = ([label, values], index) => h("div", { class: "scaled-line" }, h("span", { class: "scaled-name" }, label), matrix({
    key: `${c.part}-norm-${index}`, data: new Tensor([1, values.length], Float32Array.from(values)), rows: null, cols: null, scale: "signed", fit: true, height: 20, words: c.words, legend: false,
    label, readout, ruler: index === lines.length - 1, describe: (_, place) => sum(place),
  }), h("span", { class: "scaled-size" }, `±${c.short(largest(values))}`));
  return figure(c, {
    id: "norm", title: c.own("norm"), wide: true,
    graphic: h("div", { class: "own-scales" }, lines.map(line), readout),
    svg: () => strips({ vectors: lines.map(([label, values]) => ({ label, values })), words: c.words }).toSVG(),
    summary: c.own(`norm.summary.${kind}`, { ...figures("", goesIn), ...figures("_after", repeated.normalised), ...figures("_out", norm) }),
    table: () => ({ columns: ["", c.own("norm.mean"), c.own("norm.variance"), ...Array.from(goesIn, (_, index) => index)], rows: lines.map(([label, values]) => [label, moments(values).mean, moments(values).variance, ...values]) }),
  });
}

/** A mean that rounds to zero has no sign. */
function plainZero(c, value) {
  return c.fixed(Math.abs(value) < 5e-4 ? 0 : value, 3);
}
