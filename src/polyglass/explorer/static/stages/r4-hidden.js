// Stage 4R. A recurrent network reads word by word: its state through time.

import { bars } from "../bars.js";
import { h } from "../dom.js";
import { figure } from "../figure.js";
import { argmax, cosine, norm } from "../numbers.js";
import { bands, cellPath, halves, layerOf, pickers, placeOf, stackOf } from "../recurrent.js";
import { sideOf, sideTokens } from "../sides.js";
import { strips } from "../strip.js";
import { tokens } from "../tokens.js";

export const stage = {
  number: 4,
  id: "hidden",
  pass: 1,
  family: "recurrent",
  part: (c) => `${stackOf(c)}.cell`,
  variant: (c) => c.model.family,
  needs: (c) => [cellPath(c, "hidden"), ...(c.model.family === "lstm" ? [cellPath(c, "cell")] : [])],
  draw(container, c) {
    container.append(
      h("div", { class: "controls" }, pickers(c)),
      tokens({ key: `${c.part}-hidden`, tokens: sideTokens(c), picked: placeOf(c), colour: sideOf(c), label: c.t(`word.${sideOf(c)}`), onPick: (i) => c.set({ i }) }),
      states(c, "hidden"), ...(c.model.family === "lstm" && c.detail ? [states(c, "cell")] : []), moves(c), alike(c),
    );
  },
};

/** One row for each word, from the first to the last. */
function states(c, name) {
  const all = sideTokens(c);
  const tensor = c.tensor(cellPath(c, name));
  const values = { layer: layerOf(c) + 1 };
  const top = argmax(all.map((_, index) => norm(tensor.row(index))));
  return figure(c, {
    id: name, title: c.own(name, values),
    graphic: strips({
      key: `${c.part}-${name}`, vectors: all.map((token, index) => ({ token, label: token.label, values: tensor.row(index) })), height: all.length > 24 ? 12 : 22, words: c.words, label: c.own(name, values),
      bands: bands(c), picked: [placeOf(c), 0], onPick: (i) => c.set({ i }), describe: (row, index, value) => `${all[row].label}, ${c.t("word.dimension")} ${index}: ${c.fixed(value, 4)}`,
    }),
    summary: c.own("summary", { count: all.length, most: all[top].label, length: c.short(norm(tensor.row(top))) }),
    note: halves(c).length > 1 ? c.own("both") : null,
    table: () => ({ columns: [c.t("word.piece"), ...Array.from({ length: tensor.shape[1] }, (_, index) => String(index))], rows: all.map((token, index) => [token, ...tensor.row(index)]) }),
  });
}

/** How far each word moves the state: the length of the step from the state before. */
function moves(c) {
  const all = sideTokens(c);
  const tensor = c.tensor(cellPath(c, "hidden"));
  const [half] = halves(c);
  const part = (index) => tensor.row(index).slice(half.from, half.to);
  const steps = all.map((_, index) => norm(part(index).map((x, place) => x - (index ? part(index - 1)[place] : 0))));
  const most = argmax(steps);
  return figure(c, {
    id: "moves", title: c.own("moves"),
    graphic: bars({ key: `${c.part}-moves`, colour: sideOf(c), format: (x) => c.short(x), label: c.own("moves"), onPick: (i) => c.set({ i }), items: all.map((token, index) => ({ token, value: steps[index], mark: index === placeOf(c) })) }),
    summary: c.own("moves.summary", { most: all[most].label, length: c.short(steps[most]) }), note: halves(c).length > 1 ? c.own("moves.forward") : null,
    table: () => ({ columns: [c.t("word.piece"), c.own("moves.step")], rows: all.map((token, index) => [token, steps[index]]) }),
  });
}

/** How much the state after the picked word is still like the states after all others. */
function alike(c) {
  const all = sideTokens(c);
  const tensor = c.tensor(cellPath(c, "hidden"));
  const [half] = halves(c);
  const part = (index) => tensor.row(index).slice(half.from, half.to);
  const here = placeOf(c);
  const shares = all.map((_, index) => cosine(part(here), part(index)));
  const last = shares[all.length - 1];
  return figure(c, {
    id: "alike", title: c.own("alike", { piece: all[here].label }),
    graphic: bars({ key: `${c.part}-alike`, max: 1, colour: "attention", format: (x) => c.fixed(x, 2), label: c.own("alike", { piece: all[here].label }), items: all.map((token, index) => ({ token, value: shares[index], mark: index === here })) }),
    summary: c.own("alike.summary", { piece: all[here].label, last: c.fixed(last, 2) }),
    table: () => ({ columns: [c.t("word.piece"), c.t("stage.embedding.cosine")], rows: all.map((token, index) => [token, shares[index]]) }),
  });
}
