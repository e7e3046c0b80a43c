// Formulas: a small TeX in, MathML out, which browsers set by themselves. Colours say what a letter is.

import { m } from "./dom.js";

const SYMBOLS = {
  cdot: "·", times: "×", top: "⊤", infty: "∞", le: "≤", ge: "≥", ne: "≠", odot: "⊙", oplus: "⊕", in: "∈", pm: "±",
  approx: "≈", dots: "…", sum: "∑", to: "→", partial: "∂", alpha: "α", beta: "β", gamma: "γ", epsilon: "ε", sigma: "σ",
  mu: "μ", theta: "θ", lambda: "λ", pi: "π", tau: "τ", mid: "|",
};
const LETTERS = new Set("alpha beta gamma epsilon sigma mu theta lambda pi tau infty top".split(" "));
const KINDS = new Set(["query", "key", "value", "residual", "source", "target"]);

/** A formula on its own line. */
export function formula(tex) {
  return math(tex, "block");
}

/** A formula within a sentence. */
export function inlineFormula(tex) {
  return math(tex, "inline");
}

function math(tex, display) {
  const reader = new Reader(tex);
  return m("math", { display, "aria-label": spoken(tex) }, m("mrow", {}, ...reader.until("")));
}

/** What a screen reader says where it does not know MathML: the formula in plain signs. */
function spoken(tex) {
  return tex
    .replace(/\\frac\{([^{}]*)\}\{([^{}]*)\}/g, "($1) / ($2)")
    .replace(/\\sqrt\{/g, "√{")
    .replace(/\\(?:op|text|query|key|value|residual|source|target)\{([^{}]*)\}/g, "$1")
    .replace(/\\(\w+)/g, (whole, name) => SYMBOLS[name] ?? name)
    .replace(/[{}]/g, "");
}

class Reader {
  constructor(tex) {
    this.tokens = tex.match(/\\[a-zA-Z]+|\\[,;{}|]|\d+(?:\.\d+)?|[a-zA-Z]|[^\s]/g) ?? [];
    this.place = 0;
  }

  /** Elements up to the closing sign. */
  until(end) {
    const row = [];
    while (this.place < this.tokens.length) {
      if (this.tokens[this.place] === end) {
        this.place++;
        break;
      }
      row.push(this.scripted(this.atom()));
    }
    return row;
  }

  /** An element with what stands below and above it. */
  scripted(base) {
    let low = null;
    let high = null;
    while (this.tokens[this.place] === "_" || this.tokens[this.place] === "^") {
      if (this.tokens[this.place++] === "_") low = this.group();
      else high = this.group();
    }
    if (low && high) return m("msubsup", {}, base, low, high);
    if (low) return m("msub", {}, base, low);
    return high ? m("msup", {}, base, high) : base;
  }

  /** What stands in braces, or the one sign that stands without them. */
  group() {
    if (this.tokens[this.place] !== "{") return this.atom();
    this.place++;
    const name = this.name();
    return name ?? m("mrow", {}, ...this.until("}"));
  }

  /** A name of several letters, such as the "model" of d_{model}, which is no product of letters. */
  name() {
    let end = this.place;
    while (/^[a-zA-Z]$/.test(this.tokens[end] ?? "")) end++;
    if (end < this.place + 2 || this.tokens[end] !== "}") return null;
    const letters = this.tokens.slice(this.place, end).join("");
    this.place = end + 1;
    return m("mi", {}, letters);
  }

  atom() {
    const token = this.tokens[this.place++];
    if (token === "{") return m("mrow", {}, ...this.until("}"));
    if (token.startsWith("\\")) return this.command(token.slice(1));
    if (/^\d/.test(token)) return m("mn", {}, token);
    if (/^\p{L}$/u.test(token)) return m("mi", {}, token);
    return m("mo", { stretchy: "()[]|".includes(token) ? "false" : null }, token === "-" ? "−" : token);
  }

  command(name) {
    if (name === "frac") return m("mfrac", {}, this.group(), this.group());
    if (name === "sqrt") return m("msqrt", {}, this.group());
    if (name === "op") return m("mrow", {}, m("mi", { mathvariant: "normal" }, this.words()), m("mspace", { width: "0.12em" }));
    if (name === "text") return m("mtext", {}, this.words());
    if (KINDS.has(name)) return m("mrow", { class: `c-${name}` }, this.group());
    if (name === "|") return m("mo", { stretchy: "true" }, "‖");
    if (name === "," || name === ";") return m("mspace", { width: name === "," ? "0.2em" : "0.5em" });
    if (name === "quad") return m("mspace", { width: "1em" });
    if (LETTERS.has(name)) return m("mi", {}, SYMBOLS[name]);
    return m("mo", {}, SYMBOLS[name] ?? name);
  }

  /** The plain text in braces. */
  words() {
    const parts = [];
    this.place++;
    while (this.place < this.tokens.length && this.tokens[this.place] !== "}") parts.push(this.tokens[this.place++]);
    this.place++;
    return parts.join("");
  }
}
