// A layer as a flow of tiles: what each part does to one word's vector, from the vector that enters to the one that leaves.

import { h, s } from "./dom.js";
import { largest, norm } from "./numbers.js";
import { strip } from "./strip.js";

const COLOURS = { in: "residual", sum: "residual", norm: "norm", attention: "attention", masked: "attention", cross: "source", ffn: "ffn" };

/** The paths of one layer in the order of the computation: [{kind, path, around}]: the residual
 * connection leads around the tiles that say so. sublayers: [[kind, name], ...]. */
export function stepsOf(c, stack, layer, sublayers) {
  const pre = c.model.config.norm_place === "pre";
  const base = `${stack}.layers.${layer}`;
  const { input } = c.model.layers.find((one) => one.stack === stack && one.layer === layer);
  const steps = [{ kind: "in", path: input }];
  for (const [kind, name] of sublayers) {
    const body = { kind, path: `${base}.${name}.output`, around: true };
    const sum = { kind: "sum", path: `${base}.${name}_residual.residual` };
    const normal = { kind: "norm", path: `${base}.${name}_residual.norm`, around: pre };
    steps.push(...(pre ? [normal, body, sum] : [body, sum, normal]));
  }
  return steps;
}

/** The flow for one row. steps: of `stepsOf`, each with a tensor at its path. Learners see it without the norms. */
export function flow(c, key, allSteps, row) {
  const steps = c.detail ? allSteps : allSteps.filter(({ kind }) => kind !== "norm");
  const readout = h("p", { class: "readout flow-foot" });
  const vectors = steps.map(({ path }) => c.tensor(path).row(row));
  const scale = Math.max(...vectors.map(largest)) || 1;
  const tiles = steps.map((step, index) => {
    const name = c.t(`tile.${step.kind}`);
    const colour = COLOURS[step.kind];
    return h("li", { class: `tile${step.kind === "norm" ? " thin" : ""}${step.around ? " around" : ""}`, css: { "--kind": `var(--${colour})`, "--kind-soft": `var(--${colour}-soft)` } },
      h("div", { class: "tile-name" }, h("span", {}, step.kind === "sum" ? `+ ${name}` : name), h("small", {}, c.t("tile.length", { length: c.short(norm(vectors[index])) }))),
      strip({
        key: `${key}-${index}`, values: vectors[index], domain: [-scale, scale], height: step.kind === "norm" ? 16 : 24, words: c.words, legend: false, readout, ruler: index === steps.length - 1,
        name: `${name}: ${c.t(`tile.help.${step.kind}`)}`,
        describe: (_, number, value) => `${name}, ${c.t("word.dimension")} ${number}: ${c.fixed(value, 4)}`,
      }));
  });
  const list = h("div", { class: "flow" }, h("ol", { class: "tiles" }, tiles), readout);
  list.toSVG = () => drawn(list, steps.map(({ kind }) => c.t(`tile.${kind}`)));
  return list;
}

/** The table twin: one column for each tile. */
export function flowTable(c, steps, row) {
  const vectors = steps.map(({ path }) => c.tensor(path).row(row));
  return {
    columns: [c.t("word.dimension"), ...steps.map(({ kind }) => c.t(`tile.${kind}`))],
    rows: Array.from(vectors[0], (_, index) => [index, ...vectors.map((vector) => vector[index])]),
  };
}

function drawn(list, names) {
  const strips = [...list.querySelectorAll("pg-matrix")].map((element) => element.toSVG());
  const high = 48;
  const width = 130 + Math.max(...strips.map((svg) => Number(svg.getAttribute("width"))));
  const all = s("svg", { viewBox: `0 0 ${width} ${strips.length * high}`, width, height: strips.length * high });
  strips.forEach((svg, index) => {
    svg.setAttribute("x", 130);
    svg.setAttribute("y", index * high);
    all.append(s("text", { class: "arc-word", x: 0, y: index * high + 20 }, names[index]), svg);
  });
  return all;
}
