// Source or target: which of the two sentences a stage of the first pass is looking at.

import { placed } from "./first_word.js";

/** The side that the address names. */
export function sideOf(c) {
  return c.state.side === "target" ? "target" : "source";
}

/** What the model reads on that side: the source, or the target beginning with the start sign. */
export function sideTokens(c) {
  return sideOf(c) === "source" ? c.sourceTokens : c.inputTokens;
}

/** The picked piece of that side. */
export function pickedToken(c) {
  const all = sideTokens(c);
  return all[placed(c.state.i, all)];
}
