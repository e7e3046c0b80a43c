// Stage 8R. The one attention of a recurrent model: at each step the decoder looks back at all states of the source.

import { arcs } from "../arcs.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { matrix } from "../matrix.js";
import { argmax, sum } from "../numbers.js";
import { loadWhy, whyPanel } from "../why.js";

const PATH = "decoder.attention.weights";

export const stage = {
  number: 8,
  id: "alignment",
  pass: 1,
  family: "recurrent",
  part: "cross.attention",
  variant: (c) => c.model.config.attention,
  needs: () => [PATH],
  load: async (c) => ({ why: await loadWhy(c) }),
  draw(container, c) {
    container.append(h("div", { class: "pair" }, asMatrix(c), asArcs(c)), whyPanel(c, c.extra.why));
  },
};

function weights(c) {
  return c.tensor(PATH).slice(0);
}

/** Row t belongs to the piece that is written at step t. */
function asMatrix(c) {
  const all = weights(c);
  const row = c.step;
  const best = argmax(all.row(row));
  return figure(c, {
    id: "alignment", title: c.own("matrix"),
    graphic: matrix({
      key: `${c.part}-alignment`, data: all, rows: c.outputTokens, cols: c.sourceTokens, scale: "weights", words: c.words, rowTitle: c.own("rows"), colTitle: c.own("columns"), label: c.own("matrix"),
      pinned: { row, col: best }, onPin: (step) => c.set({ step }),
    }),
    summary: c.own("summary", { piece: c.outputTokens[row].label, best: c.sourceTokens[best].label, percent: c.percent(all.at(row, best)), sum: c.fixed(sum(all.row(row)), 6) }),
    table: () => ({ columns: ["", ...c.sourceTokens], rows: c.outputTokens.map((token, index) => [token, ...all.row(index)]) }),
  });
}

function asArcs(c) {
  const all = weights(c);
  return figure(c, {
    id: "arcs", title: c.own("arcs"),
    graphic: arcs({ key: `${c.part}-arcs`, left: c.outputTokens, right: c.sourceTokens, weights: all, focus: c.step, colour: "attention", onPick: (step) => c.set({ step }), label: c.own("arcs") }),
    summary: c.own("arcs.summary"), table: () => ({
      columns: [c.own("rows"), c.own("columns"), c.t("stage.output.probability")],
      rows: c.outputTokens.flatMap((from, row) => c.sourceTokens.map((to, column) => [from, to, all.at(row, column)])).filter(([, , weight]) => weight >= 0.02),
    }),
  });
}
