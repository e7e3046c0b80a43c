// Stage 5. The decoder at one step: what it has read, where it looks, what it makes of it.

import { bars } from "../bars.js";
import { layerPicker, choice, picker } from "../controls.js";
import { curve } from "../curve.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { flow, flowTable, stepsOf } from "../flow.js";
import { argmax, clamp, norm } from "../numbers.js";
import { tokens } from "../tokens.js";

const SUBLAYERS = [["masked", "self_attention"], ["cross", "cross_attention"], ["ffn", "feed_forward"]];

export const stage = {
  number: 5,
  id: "decoder",
  pass: 1,
  family: "transformer",
  part: "decoder",
  values: (c) => ({ step: c.step + 1 }),
  needs: (c) => [...steps(c).map(({ path }) => path), weights(c, "self"), weights(c, "cross"), "decoder.cosine"],
  draw(container, c) {
    container.append(read(c), through(c), h("div", { class: "pair" }, look(c, "self"), look(c, "cross")), turning(c));
  },
};

function layerOf(c) {
  return clamp(c.state.layer, 0, c.sizes.N_decoder - 1);
}

function steps(c) {
  return stepsOf(c, "decoder", layerOf(c), SUBLAYERS);
}

function weights(c, kind) {
  return `decoder.layers.${layerOf(c)}.${kind}_attention.weights`;
}

/** The pieces read so far, and the one that is written. */
function read(c) {
  const wrote = c.outputTokens[c.step];
  const probability = Math.exp(c.run.target.log_probs[c.step]);
  const row = tokens({ key: `${c.part}-read`, tokens: c.inputTokens, picked: c.step, colour: "target", label: c.own("read"), dim: (_, index) => index > c.step, onPick: (step) => c.set({ step }) });
  const next = h("p", { class: "written" }, h("span", { class: "arrow", "aria-hidden": "true" }, "→"), h("bdi", { class: "chip chosen", lang: wrote.lang || null, dir: "auto", css: { "--kind": "var(--target)" } }, wrote.label), h("span", { class: "quiet" }, c.percent(probability)));
  return figure(c, {
    id: "read", title: c.own("read"), graphic: h("div", { class: "reading" }, row, next),
    summary: c.own("read.summary", { step: c.step + 1, count: c.step + 1, wrote: wrote.label, percent: c.percent(probability) }),
    table: () => ({
      columns: [c.t("stage.output.step"), c.own("read.in"), c.own("read.out"), c.t("stage.output.probability")],
      rows: c.inputTokens.map((token, index) => [index + 1, token, c.outputTokens[index], Math.exp(c.run.target.log_probs[index])]),
    }),
  });
}

function through(c) {
  const all = steps(c);
  const length = (kind) => c.short(norm(c.tensor(all.find((step) => step.kind === kind).path).row(c.step)));
  const values = { step: c.step + 1, layer: layerOf(c) + 1 };
  return figure(c, {
    id: "flow", title: c.own("flow", values), controls: layerPicker(c, c.sizes.N_decoder), graphic: flow(c, `${c.part}-flow`, all, c.step),
    summary: c.own("flow.summary", { ...values, masked: length("masked"), cross: length("cross"), ffn: length("ffn") }), table: () => flowTable(c, all, c.step),
  });
}

/** Where the position looks: bars over the words, as the mean of the heads or for one of them. */
function look(c, kind) {
  const tensor = c.tensor(weights(c, kind));
  const heads = tensor.shape[0];
  const one = c.state.heads === "one" ? clamp(c.state.head, 0, heads - 1) : null;
  const keys = kind === "self" ? c.inputTokens : c.sourceTokens;
  const shares = keys.map((_, column) => (one === null ? average(tensor, c.step, column) : tensor.at(one, c.step, column)));
  const best = argmax(shares);
  const name = kind === "self" ? "back" : "over";
  const who = one === null ? c.own("mean") : c.own("one", { head: one + 1 });
  return figure(c, {
    id: name, title: c.own(name),
    controls: [
      choice({ key: `heads-${kind}`, label: c.own("which"), quiet: true, value: one === null ? "mean" : "one", onChange: (value) => c.set({ heads: value === "mean" ? null : value }), options: [["mean", c.own("mean")], ["one", c.own("single")]] }),
      one !== null && picker({ key: `head-${kind}`, label: c.t("word.head"), quiet: true, value: one, options: Array.from({ length: heads }, (_, index) => [index, String(index + 1)]), onChange: (head) => c.set({ head: Number(head) }) }),
    ],
    graphic: bars({
      key: `${c.part}-${name}`, max: 1, colour: kind === "self" ? "target" : "source", format: (x) => c.percent(x), label: c.own(name),
      items: keys.map((token, index) => ({ token, value: shares[index], masked: kind === "self" && index > c.step, mark: index === best })),
    }),
    summary: c.own(`${name}.summary`, { layer: layerOf(c) + 1, step: c.step + 1, piece: keys[best].label, percent: c.percent(shares[best]), who }),
    table: () => ({
      columns: [c.t("word.piece"), c.own("mean"), ...Array.from({ length: heads }, (_, head) => c.own("one", { head: head + 1 }))],
      rows: keys.map((token, column) => [token, average(tensor, c.step, column), ...Array.from({ length: heads }, (_, head) => tensor.at(head, c.step, column))]),
    }),
  });
}

function average(tensor, row, column) {
  let total = 0;
  for (let head = 0; head < tensor.shape[0]; head++) total += tensor.at(head, row, column);
  return total / tensor.shape[0];
}

/** How far the vector turns away from the piece that was read. */
function turning(c) {
  const table = c.tensor("decoder.cosine");
  const depth = table.shape[0];
  const line = (row) => Array.from({ length: depth }, (_, layer) => [layer, table.at(layer, row)]);
  const others = c.inputTokens.map((_, row) => row).filter((row) => row !== c.step);
  return figure(c, {
    id: "cosine", title: c.own("cosine"),
    graphic: curve({
      key: `${c.part}-cosine`, label: c.own("cosine"), x: { label: c.t("stage.encoder.cosine.x"), ticks: Array.from({ length: depth }, (_, layer) => layer) }, y: { label: c.own("cosine.y"), domain: [Math.min(0, ...table.data), 1.02] },
      series: [...others.map((row, place) => ({ name: place ? null : c.own("cosine.others"), points: line(row), colour: "var(--hatch)" })), { name: c.own("cosine.here", { piece: c.inputTokens[c.step].label }), points: line(c.step), colour: "var(--target)", dots: true }],
      onPick: (x) => c.set({ layer: clamp(Math.round(x) - 1, 0, c.sizes.N_decoder - 1) }),
    }),
    summary: c.own("cosine.summary", { read: c.inputTokens[c.step].label, wrote: c.outputTokens[c.step].label, last: c.fixed(table.at(depth - 1, c.step), 2) }),
    table: () => ({ columns: [c.t("word.piece"), ...Array.from({ length: depth }, (_, layer) => String(layer))], rows: c.inputTokens.map((token, row) => [token, ...line(row).map(([, y]) => y)]) }),
  });
}
