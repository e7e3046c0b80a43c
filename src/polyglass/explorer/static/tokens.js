// A sentence as a row of pieces that can be picked with pointer or keys.

import { h } from "./dom.js";

/**
 * A row of chips. options: key, tokens, picked (index or null), onPick(index), tone(token): 0 to 1 for the mark below,
 * colour: a kind, detail(token): small words below the piece, label: name of the row, dim(token): true to show it pale.
 */
export function tokens({ key, tokens: all, picked = null, onPick, tone, colour = "source", detail, label, dim }) {
  const chips = all.map((token, index) => {
    const chosen = index === picked;
    const inside = [
      h("bdi", { class: "piece", lang: token.lang || null, dir: "auto" }, token.label),
      detail && h("span", { class: "chip-detail" }, detail(token, index)),
      tone && h("span", { class: "chip-tone", "aria-hidden": "true", css: { "--share": String(tone(token, index)) } }),
    ];
    const name = `chip${chosen ? " chosen" : ""}${token.special ? " special" : ""}${dim?.(token, index) ? " pale" : ""}`;
    const inner = index > 0 && token.word >= 0 && token.word === all[index - 1].word ? "inner" : null;
    if (!onPick) return h("li", { class: inner }, h("span", { class: name }, ...inside));
    const focusable = chosen || (picked === null && index === 0);
    return h("li", { class: inner }, h("button", {
      class: name, type: "button", "aria-pressed": String(chosen), tabindex: focusable ? "0" : "-1", onclick: () => onPick(index),
    }, ...inside));
  });
  const row = h("ol", {
    class: "chips", css: { "--kind": `var(--${colour})`, "--kind-soft": `var(--${colour}-soft)` }, "aria-label": label ?? null,
    dataset: key ? { key } : {}, onkeydown: (event) => walk(event, row),
  }, chips);
  row.saveState = () => ({ index: [...row.querySelectorAll("button")].indexOf(document.activeElement) });
  row.restoreState = () => {};
  row.focus = () => row.querySelector("[tabindex='0']")?.focus({ preventScroll: true });
  return row;
}

/** Arrow keys move from chip to chip; the first and last are the ends. */
function walk(event, row) {
  const buttons = [...row.querySelectorAll("button")];
  const here = buttons.indexOf(document.activeElement);
  const towards = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (towards === undefined || here < 0) return;
  event.preventDefault();
  event.stopPropagation();
  const next = buttons[Math.min(Math.max(towards, 0), buttons.length - 1)];
  buttons.forEach((button) => button.setAttribute("tabindex", button === next ? "0" : "-1"));
  next.focus();
}

/** A piece within a sentence of the page, in its own language. */
export function pieceIn(token) {
  return h("bdi", { class: `c-${token.side}`, lang: token.lang || null, dir: "auto" }, token.label);
}
