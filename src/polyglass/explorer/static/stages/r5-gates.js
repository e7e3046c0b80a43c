// Stage 5R. Gates: how much of the old is kept, how much of the new is let in, at each word.

import { choice } from "../controls.js";
import { curve } from "../curve.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { argmax, mean } from "../numbers.js";
import { bands, cellPath, halves, pickers, placeOf, stackOf } from "../recurrent.js";
import { sideTokens } from "../sides.js";
import { strips } from "../strip.js";

const GATES = { lstm: ["forget_gate", "input_gate", "output_gate"], gru: ["update_gate", "reset_gate"] };
const COLOURS = ["var(--value)", "var(--key)", "var(--query)"];

export const stage = {
  number: 5,
  id: "gates",
  pass: 1,
  family: "recurrent",
  part: (c) => `${stackOf(c)}.cell`,
  variant: (c) => c.model.family,
  needs: (c) => [...gates(c), "candidate"].map((name) => cellPath(c, name)),
  draw(container, c) {
    container.append(h("div", { class: "controls" }, pickers(c)), overTime(c), one(c), ...(c.detail ? [candidate(c)] : []));
  },
};

function gates(c) {
  return GATES[c.model.family] ?? [];
}

/** The mean of a gate after each word, over the numbers that read forwards. */
function means(c, name) {
  const [half] = halves(c);
  return c.tensor(cellPath(c, name)).rows().map((row) => mean(row.slice(half.from, half.to)));
}

function overTime(c) {
  const all = sideTokens(c);
  const lines = gates(c).map((name) => means(c, name));
  const keep = lines[0];
  const low = argmax(keep.map((x) => -x));
  return figure(c, {
    id: "gates", title: c.own("time"),
    graphic: curve({
      key: `${c.part}-gates`, label: c.own("time"), cursor: placeOf(c), y: { domain: [0, 1], label: c.own("open"), ticks: [0, 0.5, 1] },
      x: { ticks: tickPlaces(all.length), format: (place) => all[place]?.label ?? "", label: c.t("word.piece") },
      series: lines.map((line, index) => ({ name: c.own(gates(c)[index]), points: line.map((y, x) => [x, y]), colour: COLOURS[index], dots: true, dashed: index === 1 })),
      onPick: (x) => c.set({ i: Math.max(0, Math.min(all.length - 1, Math.round(x))) }),
    }),
    summary: c.own(`time.${c.model.family}`, { piece: all[low].label, percent: c.percent(keep[low]), mean: c.percent(mean(keep)) }), note: halves(c).length > 1 ? c.own("forward") : null,
    table: () => ({ columns: [c.t("word.piece"), ...gates(c).map((name) => c.own(name))], rows: all.map((token, index) => [token, ...lines.map((line) => line[index])]) }),
  });
}

function tickPlaces(count) {
  const each = Math.ceil(count / 12);
  return Array.from({ length: Math.ceil(count / each) }, (_, index) => index * each);
}

/** One gate, all of its numbers. */
function one(c) {
  const names = gates(c);
  const name = names.includes(c.state.gate) ? c.state.gate : names[0];
  const rows = c.tensor(cellPath(c, name)).rows();
  const all = sideTokens(c);
  const count = rows.length * rows[0].length;
  const share = (test) => rows.reduce((total, row) => total + row.filter(test).length, 0) / count;
  return figure(c, {
    id: "gate", title: c.own("one", { gate: c.own(name) }),
    controls: choice({ key: "gate", label: c.own("which"), value: name, onChange: (gate) => c.set({ gate }), options: names.map((gate) => [gate, c.own(gate)]) }),
    graphic: strips({
      key: `${c.part}-gate`, vectors: all.map((token, index) => ({ token, label: token.label, values: rows[index] })), scale: "energy", domain: [0, 1], height: all.length > 24 ? 12 : 22, words: c.words, label: c.own("one", { gate: c.own(name) }),
      bands: bands(c), picked: [placeOf(c), 0], onPick: (i) => c.set({ i }), describe: (row, index, value) => `${all[row].label}, ${c.t("word.dimension")} ${index}: ${c.fixed(value, 4)}`,
    }),
    summary: c.own("one.summary", { open: c.percent(share((x) => x > 0.9)), shut: c.percent(share((x) => x < 0.1)) }),
    table: () => ({ columns: [c.t("word.piece"), ...rows[0].keys()].map(String), rows: all.map((token, index) => [token, ...rows[index]]) }),
  });
}

/** What is offered to the state before the gates decide. */
function candidate(c) {
  const all = sideTokens(c);
  const rows = c.tensor(cellPath(c, "candidate")).rows();
  return figure(c, {
    id: "candidate", title: c.own("candidate"),
    graphic: strips({
      key: `${c.part}-candidate`, vectors: all.map((token, index) => ({ token, label: token.label, values: rows[index] })), domain: [-1, 1], height: all.length > 24 ? 12 : 20, words: c.words, label: c.own("candidate"), bands: bands(c),
      describe: (row, index, value) => `${all[row].label}, ${c.t("word.dimension")} ${index}: ${c.fixed(value, 4)}`,
    }),
    summary: c.own("candidate.summary"), table: () => ({ columns: [c.t("word.piece"), ...rows[0].keys()].map(String), rows: all.map((token, index) => [token, ...rows[index]]) }),
  });
}
