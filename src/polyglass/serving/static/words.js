// Every word of the page comes from one file, so that a community can translate it: copy strings.en.json to
// strings.XX.json, translate the right-hand sides, and a browser that prefers XX shows them.

/** Load the texts in the first language of the browser that there is a file for. have: the codes of the files. */
export async function loadWords(have, preferred = navigator.languages) {
  const bases = preferred.flatMap((code) => [code, code.split("-")[0]]);
  const code = bases.find((one) => have.includes(one)) ?? "en";
  const reply = await fetch(`/static/strings.${code}.json`);
  return new Words(await reply.json());
}

/** The texts of one language, and numbers and names of languages as that language writes them. */
export class Words {
  constructor(texts) {
    this.texts = texts;
    this.lang = texts.lang;
    this.plurals = new Intl.PluralRules(this.lang);
    this.numbers = new Intl.NumberFormat(this.lang, { maximumFractionDigits: 0 });
    this.names = new Intl.DisplayNames([this.lang], { type: "language", fallback: "none" });
  }

  /** A text with its {values}. A key without a text comes back as itself, so that it is seen. */
  t(key, values = {}) {
    const found = this.texts[key] ?? key;
    const text = typeof found === "object" ? found[this.plurals.select(values.count)] ?? found.other : found;
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? this.value(values[name]) : whole));
  }

  value(value) {
    return typeof value === "number" ? this.numbers.format(value) : String(value);
  }

  /** A share as percent; what is not certain is never called 100. */
  percent(share) {
    return `${this.numbers.format(share < 1 ? Math.min(99, Math.round(100 * share)) : 100)}\u00a0%`;
  }

  /** The name of a language; `known` is what the server calls it. */
  language(code, known = code) {
    try {
      return this.names.of(code) ?? known;
    } catch {
      return known; // no code of the standard
    }
  }
}
