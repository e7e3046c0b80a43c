// Stage 10: x times a matrix is a query, a key, a value; each number of them can be read as one dot product.

import { dot, maxDifference, rowTimesMatrix, topPlaces } from "../arithmetic.js";
import { claim } from "../claims.js";
import { layerHead, slider } from "../controls.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { matrix } from "../matrix.js";
import { Tensor, clamp, largest } from "../numbers.js";
import { attentionPart, chosen, inputsOf } from "../place.js";
import { snippetBox } from "../snippet_box.js";
import { spelledTable } from "../spelled.js";
import { remembered, weightBlock } from "../tiles.js";
import { verdict } from "../verdict.js";
import { wordPicker } from "../word_picker.js";

const LANES = [["query", "q"], ["key", "k"], ["value", "v"]];

export const stage = {
  number: 10,
  id: "projections",
  pass: 3,
  family: "transformer",
  part: attentionPart,
  values: (c) => {
    const { head } = chosen(c);
    const { query, memory } = inputsOf(c);
    return { path: c.path, head: head + 1, from: head * c.sizes.d_k, to: (head + 1) * c.sizes.d_k - 1, input: query, memory };
  },
  needs: (c) => {
    const { query, memory } = inputsOf(c);
    const biases = c.model.config.attention_bias ? LANES.map(([, letter]) => `${c.path}.w_${letter}.bias`) : [];
    return [...new Set([query, memory, ...LANES.map(([, letter]) => `${c.path}.${letter}`), ...biases])];
  },
  async load(c) {
    const { head } = chosen(c);
    const block = [head * c.sizes.d_k, (head + 1) * c.sizes.d_k, 0, c.sizes.d_model];
    const weights = await Promise.all(LANES.map(([, letter]) => {
      const path = `${c.path}.w_${letter}.weight`;
      return remembered(c, "weight", `${path} ${block}`, () => weightBlock(c, path, block));
    }));
    return Object.fromEntries(LANES.map(([name], index) => [name, weights[index]]));
  },
  draw(container, c) {
    const { i, j } = chosen(c);
    const row = rowOfState(c);
    container.append(
      layerHead(c),
      h("div", { class: "two-pickers" },
        wordPicker(c, { key: "asks", title: c.own("query_word"), tokens: c.rowTokens, picked: i, onPick: (index) => c.set({ i: index }), colour: "query" }),
        wordPicker(c, { key: "answers", title: c.own("key_word"), tokens: c.colTokens, picked: j, onPick: (index) => c.set({ j: index }), colour: "key" })),
      slider({
        key: `${c.part}-r`, label: c.own("row"), min: 0, max: c.sizes.d_k - 1, value: row, format: (index) => String(index), onChange: (index) => c.set({ r: String(index) }),
      }),
      ...LANES.map(([name, letter]) => lane(c, laneOf(c, name, letter))),
      ...(c.model.config.positions === "rotary" && c.kind !== "cross" ? [h("p", { class: "quiet-note" }, c.own("rotary"))] : []),
      claim(c, 23, { bias: c.t(c.model.config.attention_bias ? "claim.23.with" : "claim.23.without") }),
      snippetBox(c, ["projection"]),
    );
  },
};

function rowOfState(c) {
  return clamp(Math.round(c.number("r", 0)), 0, c.sizes.d_k - 1);
}

/** Everything about one of the three products: word, x, weight, bias, what PyTorch recorded. */
export function laneOf(c, name, letter) {
  const { head, i, j } = chosen(c);
  const { query, memory } = inputsOf(c);
  const asks = name === "query";
  const place = asks ? i : j;
  const biasPath = `${c.path}.w_${letter}.bias`;
  const bias = c.has(biasPath) ? c.tensor(biasPath).data.slice(head * c.sizes.d_k, (head + 1) * c.sizes.d_k) : null;
  return {
    name, letter, bias, weight: c.extra[name], token: (asks ? c.rowTokens : c.colTokens)[place],
    x: c.tensor(asks ? query : memory).row(place), result: c.tensor(`${c.path}.${letter}`).slice(head).row(place), row: rowOfState(c),
  };
}

function lane(c, one) {
  const { name, letter, token, x, weight, result, row, bias } = one;
  const w = weight.row(row);
  const products = x.map((value, index) => value * w[index]);
  const [top] = topPlaces(products.map(Math.abs), 1);
  return figure(c, {
    id: name, title: c.own(`lane.${name}`, { word: token.label }), wide: true,
    graphic: h("div", { class: "stacked" }, picture(c, one), spelledTable(c, { id: name, letter, row, x, w, bias: bias?.[row] ?? null }), check(c, one)),
    svg: () => matrix({ ...drawn(c, one), key: null }).toSVG(),
    summary: c.own("summary", {
      row, name: c.own(`name.${name}`), word: token.label, value: c.fixed(result[row], 4), count: x.length, largest: c.fixed(products[top], 4),
    }),
    table: () => ({
      columns: [c.own("column.number"), c.own(`name.${name}`), c.own("column.recomputed"), ...Array.from(x, (_, index) => `W ${index}`)],
      rows: Array.from(result, (value, index) => [index, value, dot(x, weight.row(index)) + (bias ? bias[index] : 0), ...weight.row(index)]),
    }),
  });
}

/** x on top, the matrix below it, the result beside it: each line of the matrix meets x and leaves one number. */
function picture(c, one) {
  const { name, letter, token, x, result, row } = one;
  const high = heightOf(c);
  const pick = (index) => c.set({ r: String(index) });
  const weightName = h("span", { class: `c-${name}` }, "W", h("sup", {}, letter.toUpperCase()));
  return h("div", { class: `lane lane-${name}` },
    h("p", { class: "lane-x" }, c.own("lane.x", { word: token.label }), h("span", { class: "shape" }, `[${x.length}]`)),
    h("div", { class: "lane-vector" }, matrix({
      key: `${c.part}-x-${name}`, data: new Tensor([1, x.length], x), rows: null, cols: null, scale: "signed", fit: true, height: 16, words: c.words, legend: false, label: c.own("lane.x", { word: token.label }),
      describe: (_, index, value) => c.t("strip.cell", { label: "x", index, value: c.fixed(value, 4) }),
    })),
    h("p", { class: "lane-w" }, weightName, h("span", { class: "shape" }, `[${one.weight.shape.join(" × ")}]`)),
    h("div", { class: "lane-matrix" }, matrix(drawn(c, one))),
    h("p", { class: `lane-result c-${name}` }, letter, h("span", { class: "shape" }, `[${result.length}]`)),
    h("div", { class: "lane-column" }, matrix({
      key: `${c.part}-result-${name}`, data: new Tensor([result.length, 1], result), rows: null, cols: null, scale: "signed", height: high, cell: 26, words: c.words, legend: false,
      pinned: { row, col: 0 }, onPin: pick, label: c.own("lane.result", { letter, word: token.label }),
      describe: (index, _, value) => c.own("lane.row", { row: index, letter, value: c.fixed(value, 4) }),
    })));
}

function heightOf(c) {
  return clamp(Math.round(220 / c.sizes.d_k), 4, 14);
}

function drawn(c, one) {
  const { name, letter, x, weight, row } = one;
  return {
    key: `${c.part}-w-${name}`, data: weight, rows: null, cols: null, scale: "signed", domain: [-largest(weight.data), largest(weight.data)], fit: true, height: heightOf(c),
    words: c.words, pinned: { row, col: 0 }, onPin: (index) => c.set({ r: String(index) }), label: c.own(`lane.${name}`, { word: one.token.label }),
    describe: (index, column, value) => c.own("cell", { letter, row: index, column, x: c.fixed(x[column], 4), w: c.fixed(value, 4), product: c.fixed(x[column] * value, 4) }),
  };
}

function check(c, { x, weight, bias, result, letter }) {
  return verdict(c, "stage.projections.check", { difference: maxDifference(rowTimesMatrix(x, weight, bias), result) }, { letter, count: result.length });
}
