// The page repeated a step by itself: does it agree with PyTorch? Said in figures, whatever the answer.

import { h } from "./dom.js";

export const LIMIT = 1e-4;

const HALF = 2e-2; // what half precision may cost in sums of some hundred products

/** A line that says how far the page and PyTorch differ. differences: {name: number}; key: the words, ending in .good and .bad.
 *  A saved page may hold numbers in half precision; then it says so in place of blaming anybody. */
export function verdict(c, key, differences, values = {}) {
  const largest = Math.max(...Object.values(differences));
  const outcome = largest < LIMIT ? "good" : !c.source.live && largest < HALF ? "rounded" : "bad";
  const figures = Object.fromEntries(Object.entries(differences).map(([name, value]) => [name, scientific(value)]));
  const text = outcome === "rounded" ? c.t("verdict.rounded", { largest: scientific(largest), limit: scientific(LIMIT) })
    : c.t(`${key}.${outcome}`, { ...figures, ...values, limit: scientific(LIMIT) });
  return h("p", { class: `verdict ${outcome}`, role: "status", dataset: { check: outcome, largest: String(largest) } },
    h("span", { class: "verdict-mark", "aria-hidden": "true" }, { good: "✓", rounded: "≈", bad: "✗" }[outcome]), h("span", {}, text));
}

/** A small number as people write it: 3.1·10⁻⁷. */
export function scientific(value) {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : "∞";
  const [digits, power] = value.toExponential(1).split("e");
  const raised = [...String(Number(power))].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] ?? "⁻").join("");
  return digits === "1.0" ? `10${raised}` : `${digits}·10${raised}`;
}
