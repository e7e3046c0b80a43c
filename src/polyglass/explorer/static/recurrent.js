// What the stages of recurrent models share: which stack, which layer, which half reads in which direction.

import { choice, layerPicker } from "./controls.js";
import { placed } from "./first_word.js";
import { clamp } from "./numbers.js";
import { sideOf, sideTokens } from "./sides.js";

/** encoder or decoder. */
export function stackOf(c) {
  return sideOf(c) === "source" ? "encoder" : "decoder";
}

export function layerOf(c) {
  return clamp(c.state.layer, 0, depthOf(c) - 1);
}

function depthOf(c) {
  return stackOf(c) === "encoder" ? c.sizes.N_encoder : c.sizes.N_decoder;
}

/** The path of something that a cell computes, in the chosen layer. */
export function cellPath(c, name) {
  return `${stackOf(c)}.layers.${layerOf(c)}.${name}`;
}

/** The halves of a state: [{name, from, to, backward}]; one, where the stack reads in one direction only. */
export function halves(c) {
  const width = c.sizes.d_model;
  if (stackOf(c) !== "encoder" || !c.model.config.bidirectional) return [{ name: c.t("recurrent.forward"), from: 0, to: width, backward: false }];
  return [
    { name: c.t("recurrent.forward"), from: 0, to: width / 2, backward: false }, { name: c.t("recurrent.backward"), from: width / 2, to: width, backward: true },
  ];
}

/** Coloured bands over the halves, where there are two. */
export function bands(c) {
  const both = halves(c);
  return both.length < 2 ? null : both.map(({ from, to, backward }) => ({ from, to, colour: backward ? "var(--query)" : "var(--source)" }));
}

/** Pickers for side and layer. */
export function pickers(c) {
  return [
    choice({ key: "side", label: c.t("word.side"), value: sideOf(c), onChange: (side) => c.set({ side, i: 0 }), options: ["source", "target"].map((side) => [side, c.t(`word.${side}`)]) }),
    depthOf(c) > 1 && layerPicker(c, depthOf(c)),
  ];
}

/** The picked place of the side. */
export function placeOf(c) {
  return placed(c.state.i, sideTokens(c));
}
