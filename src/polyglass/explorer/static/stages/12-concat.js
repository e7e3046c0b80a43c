// Stage 12: the heads side by side, multiplied by W^Z: a sum of one part from each head, each in its own colour.

import { argmax, dot, maxDifference, total, vectorLength } from "../arithmetic.js";
import { bars } from "../bars.js";
import { claim } from "../claims.js";
import { headColour } from "../colors.js";
import { layerHead, slider } from "../controls.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { vectorMiniature } from "../miniature.js";
import { Tensor, clamp, cosine, largest } from "../numbers.js";
import { attentionPart, chosen } from "../place.js";
import { snippetBox } from "../snippet_box.js";
import { spelledTable } from "../spelled.js";
import { matrix } from "../matrix.js";
import { tensorKey } from "../source.js";
import { remembered, weightBlock } from "../tiles.js";
import { verdict } from "../verdict.js";
import { wordPicker } from "../word_picker.js";

export const stage = {
  number: 12,
  id: "concat",
  pass: 3,
  family: "transformer",
  part: attentionPart,
  values: (c) => ({ path: c.path, rows: c.rowTokens.length }),
  needs: (c) => [`${c.path}.concat`, `${c.path}.output`, ...(c.model.config.attention_bias ? [`${c.path}.w_o.bias`] : [])],
  async load(c) {
    const { i } = chosen(c);
    const path = `${c.path}.w_o.weight`;
    const o = numberOf(c);
    const want = { path: `${c.path}.contributions`, rows: [i] };
    const [parts, column] = await Promise.all([
      remembered(c, "parts", tensorKey(want), async () => (await c.source.tensors(c.run.run, [want], {}, c.signal))[tensorKey(want)]),
      remembered(c, "weight", `${path} ${o}`, () => weightBlock(c, path, [o, o + 1, 0, c.sizes.d_model])),
    ]);
    return { parts, column: column.row(0) };
  },
  draw(container, c) {
    const sum = sumOf(c);
    container.append(
      layerHead(c, { heads: false }),
      wordPicker(c, { key: "who", title: c.own("pick"), tokens: c.rowTokens, picked: sum.i, onPick: (i) => c.set({ i }), colour: "query" }),
      sideBySide(c, sum),
      parts(c, sum),
      oneNumber(c, sum),
      claim(c, 21),
      snippetBox(c, ["concat"]),
    );
  },
};

function numberOf(c) {
  return clamp(Math.round(c.number("o", 0)), 0, c.sizes.d_model - 1);
}

/** The parts of all heads for the chosen word, their lengths and directions, and what PyTorch recorded. */
export function sumOf(c) {
  const { i, head } = chosen(c);
  const { parts: tensor, column } = c.extra;
  const heads = Array.from({ length: c.sizes.h }, (_, index) => tensor.slice(index).row(0));
  const bias = c.has(`${c.path}.w_o.bias`) ? c.tensor(`${c.path}.w_o.bias`).data : null;
  const output = c.tensor(`${c.path}.output`).row(i);
  const added = Float64Array.from(output, (_, o) => total(heads.map((part) => part[o])) + (bias ? bias[o] : 0));
  const size = dot(output, output) || 1;
  return {
    i, head, heads, bias, output, added, column, concat: c.tensor(`${c.path}.concat`).row(i), o: numberOf(c), word: c.rowTokens[i],
    lengths: heads.map(vectorLength), along: heads.map((part) => dot(part, output) / size), cosines: heads.map((part) => cosine(part, output)),
  };
}

function sideBySide(c, { concat, word }) {
  const d = c.sizes.d_k;
  const lengths = Array.from({ length: c.sizes.h }, (_, index) => vectorLength(concat.slice(index * d, (index + 1) * d)));
  const longest = argmax(lengths);
  const bands = lengths.map((_, index) => ({ from: index * d, to: (index + 1) * d, colour: headColour(index) }));
  const picture = matrix({
    key: `${c.part}-concat`, data: new Tensor([1, concat.length], concat), rows: null, cols: null, scale: "signed", fit: true, height: 28, bands, words: c.words, label: c.own("concat", { word: word.label }),
    describe: (_, index, value) => c.t("strip.cell", { label: c.own("band", { head: Math.floor(index / d) + 1 }), index: index % d, value: c.fixed(value, 4) }),
  });
  return figure(c, {
    id: "concat", title: c.own("concat", { word: word.label }), wide: true,
    graphic: h("div", { class: "bands" }, bandNames(c), picture), svg: () => picture.toSVG(),
    summary: c.own("concat.summary", { head: longest + 1, length: c.fixed(lengths[longest], 3) }),
    table: () => ({ columns: [c.t("word.head"), c.own("norm"), ...Array.from({ length: d }, (_, index) => index)], rows: lengths.map((length, index) => [index + 1, length, ...concat.slice(index * d, (index + 1) * d)]) }),
  });
}

function bandNames(c) {
  return h("ol", { class: "band-names", "aria-hidden": "true", css: { "--heads": String(c.sizes.h) } },
    Array.from({ length: c.sizes.h }, (_, index) => h("li", { css: { "--band": headColour(index) } }, c.own("band", { head: index + 1 }))));
}

/** What each head adds, line by line, and the sum below. */
function parts(c, sum) {
  const { heads, lengths, along, output, added, word, bias } = sum;
  const high = Math.max(...heads.map(largest), largest(output));
  const longest = Math.max(...lengths, 1e-12);
  const most = argmax(lengths);
  const line = (label, values, more = {}) => h("li", { class: `part-line ${more.class ?? ""}`, css: more.colour ? { "--band": more.colour } : {} },
    h("span", { class: "part-name" }, label), vectorMiniature(values, high),
    h("span", { class: "part-length" }, h("span", { class: "part-bar", "aria-hidden": "true", css: { "--share": String(Math.min(1, (more.length ?? 0) / longest)) } }), h("span", {}, c.fixed(more.length ?? vectorLength(values), 2))),
    h("span", { class: "part-along" }, more.along === undefined ? "" : c.percent(more.along).replace("-", "−")));
  return figure(c, {
    id: "parts", title: c.own("parts", { word: word.label }), wide: true,
    graphic: h("div", { class: "parts" },
      h("p", { class: "parts-head", "aria-hidden": "true" }, h("span", {}), h("span", {}), h("span", {}, c.own("norm")), h("span", {}, c.own("along"))),
      h("ol", {}, heads.map((part, index) => line(c.own("part", { head: index + 1 }), part, { colour: headColour(index), length: lengths[index], along: along[index] })),
        bias && line(c.own("bias"), bias, { along: dot(bias, output) / (dot(output, output) || 1) }),
        line(c.own("sum"), added, { class: "sum", length: vectorLength(added), along: 1 })),
      verdict(c, "stage.concat.check", { difference: maxDifference(added, output) })),
    svg: () => bars({ items: lengths.map((value, index) => ({ label: c.own("part", { head: index + 1 }), value, colour: `head-${index % 8}` })), format: (x) => c.fixed(x, 2) }).toSVG(),
    summary: c.own("parts.summary", {
      head: most + 1, length: c.fixed(lengths[most], 2), total: c.fixed(vectorLength(output), 2), lengths: c.fixed(total(lengths), 2), percent: c.percent(along[most]),
    }),
    table: () => ({
      columns: ["", c.own("norm"), c.own("along"), c.own("cosine"), ...Array.from(output, (_, index) => index)],
      rows: [
        ...heads.map((part, index) => [c.own("part", { head: index + 1 }), lengths[index], along[index], sum.cosines[index], ...part]),
        ...(bias ? [[c.own("bias"), vectorLength(bias), dot(bias, output) / (dot(output, output) || 1), cosine(bias, output), ...bias]] : []),
        [c.own("sum"), vectorLength(added), 1, 1, ...added], [c.own("recorded"), vectorLength(output), 1, 1, ...output],
      ],
    }),
  });
}

/** One number of the output: what each head puts in, and the whole dot product spelled out. */
function oneNumber(c, { heads, column, concat, output, bias, o }) {
  const d = c.sizes.d_k;
  const shares = heads.map((_, index) => dot(concat.slice(index * d, (index + 1) * d), column.slice(index * d, (index + 1) * d)));
  const value = total(shares) + (bias ? bias[o] : 0);
  const items = [...shares.map((share, index) => ({ label: c.own("part", { head: index + 1 }), value: share, colour: `head-${index % 8}` })), ...(bias ? [{ label: c.own("bias"), value: bias[o], colour: "quiet" }] : [])];
  const picture = bars({ key: `${c.part}-number`, items, format: (x) => c.fixed(x, 4), label: c.own("number") });
  return figure(c, {
    id: "number", title: c.own("number"), wide: true,
    controls: slider({ key: `${c.part}-o`, label: c.own("number.pick"), min: 0, max: c.sizes.d_model - 1, value: o, format: String, onChange: (index) => c.set({ o: String(index) }) }),
    graphic: h("div", { class: "stacked" }, picture, spelledTable(c, { id: "output", letter: "Z", row: o, x: concat, w: column, bias: bias ? bias[o] : null }),
      verdict(c, "stage.concat.check.number", { difference: Math.abs(value - output[o]) }, { index: o })),
    svg: () => picture.toSVG(),
    summary: c.own("number.summary", { index: o, value: c.fixed(output[o], 4), parts: items.map((item) => c.fixed(item.value, 4)).join(" + ").replaceAll("+ −", "− ") }),
    table: () => ({ columns: ["", c.own("number.pick")], rows: [...items.map((item) => [item.label, item.value]), [c.own("sum"), value], [c.own("recorded"), output[o]]] }),
  });
}
