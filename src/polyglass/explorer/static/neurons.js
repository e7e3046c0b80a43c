// Inside the feed-forward layer: the inner numbers of one word, sorted, and the words of the sentence that fire the strongest.

import { topPlaces } from "./arithmetic.js";
import { curve } from "./curve.js";
import { h } from "./dom.js";
import { figure } from "./figure.js";
import { sublayerOf } from "./sublayer.js";
import { tokens as chips } from "./tokens.js";

const STRONGEST = 6;
const FIRES = 0.01; // smooth activations are never quite 0

/** The two figures. hidden: Tensor [words, d_ff] after the activation. */
export function feedForward(c, hidden) {
  const { tokens, i } = sublayerOf(c);
  const values = hidden.row(i);
  const neurons = topPlaces(values, STRONGEST);
  return h("div", { class: "pair-of-figures" }, sorted(c, { values, word: tokens[i].label, best: neurons[0] }), strongest(c, { hidden, tokens, neurons }));
}

function sorted(c, { values, word, best }) {
  const order = topPlaces(values, values.length);
  const relu = c.model.config.activation === "relu";
  const share = (holds) => c.percent(values.filter(holds).length / values.length);
  const step = Math.max(1, Math.floor(values.length / 512));
  return figure(c, {
    id: "hidden", title: c.own("ffn", { word }),
    graphic: curve({
      key: `${c.part}-hidden`, series: [{ name: c.own("ffn.sorted"), points: order.filter((_, rank) => rank % step === 0 || rank === order.length - 1).map((place, rank, all) => [rank === all.length - 1 ? order.length : rank * step + 1, values[place]]), colour: "var(--ffn)" }],
      x: { label: c.own("ffn.x") }, y: { label: c.own("ffn.y") }, label: c.own("ffn.sorted"), height: 220,
    }),
    summary: c.own(relu ? "ffn.summary" : "ffn.summary.smooth", {
      zero_percent: share((value) => value === 0), small_percent: share((value) => Math.abs(value) < 0.01), activation: c.model.config.activation, word, neuron: best, value: c.fixed(values[best], 3),
    }),
    table: () => ({ columns: [c.own("ffn.x"), c.own("ffn.neuron"), c.own("ffn.y")], rows: order.map((place, rank) => [rank + 1, place, values[place]]) }),
  });
}

function strongest(c, { hidden, tokens, neurons }) {
  const fired = (neuron) => tokens.map((_, row) => hidden.at(row, neuron));
  const lines = neurons.map((neuron) => ({ neuron, values: fired(neuron) }));
  const first = lines[0];
  const where = topPlaces(first.values, 1)[0];
  return figure(c, {
    id: "neurons", title: c.own("ffn.neurons"),
    graphic: h("ol", { class: "neurons" }, lines.map(({ neuron, values }) => {
      const high = Math.max(...values, 1e-12);
      const fires = tokens.filter((_, row) => values[row] > FIRES);
      const quiet = tokens.length - fires.length;
      return h("li", {}, h("p", { class: "neuron-name" }, `${c.own("ffn.neuron")} ${neuron}`),
        chips({
          tokens: fires, tone: ({ index }) => values[index] / high, colour: "ffn", label: `${c.own("ffn.neuron")} ${neuron}`, detail: ({ index }) => c.fixed(values[index], 2),
        }),
        h("p", { class: "note" }, quiet ? c.own("ffn.quiet", { count: quiet }) : c.own("ffn.all")));
    })),
    summary: c.own("ffn.neurons.summary", { neuron: first.neuron, word: tokens[where].label, value: c.fixed(first.values[where], 3), count: first.values.filter((value) => value > FIRES).length, total: tokens.length }),
    note: c.own("ffn.honest"),
    table: () => ({ columns: [c.own("ffn.neuron"), ...tokens], rows: lines.map(({ neuron, values }) => [neuron, ...values]) }),
  });
}
