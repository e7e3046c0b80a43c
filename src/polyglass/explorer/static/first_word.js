// Which word a picture begins with when nobody has picked one: one that says something, not "A" or a comma.

import { clamp } from "./numbers.js";

const WORD = /^[\p{L}\p{M}'’-]{3,}$/u;

/** The place that the address names, inside the sentence; without one that of a telling word. rank: 1 for the second. */
export function placed(named, tokens, rank = 0) {
  if (named !== null && named !== undefined) return clamp(named, 0, tokens.length - 1);
  const places = telling(tokens);
  return places[Math.min(rank, places.length - 1)] ?? 0;
}

/** Where a word of a single piece stands, the longest first; any piece with a letter where there is none. */
function telling(tokens) {
  const whole = tokens.filter((token, index) => begins(token) && begins(tokens[index + 1]) && WORD.test(token.label));
  const some = whole.length ? whole : tokens.filter((token) => !token.special && /\p{L}/u.test(token.label));
  return some.sort((a, b) => b.label.length - a.label.length).map((token) => token.index);
}

/** Whether a new word begins here, or the sentence has ended. */
function begins(token) {
  return !token || Boolean(token.special) || token.piece.startsWith("▁") || !/^\p{L}/u.test(token.label);
}
