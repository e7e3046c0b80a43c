// One number as what it is: a sum of products. Four of them first, all of them if asked.

import { topPlaces } from "./arithmetic.js";
import { button } from "./controls.js";
import { h } from "./dom.js";

const FIRST = 4;

/** A dot product spelled out. spec: id (state key `terms` holds it when open), letter, row, x, w, bias or null. */
export function spelledTable(c, { id, letter, row, x, w, bias }) {
  const open = c.state.terms === id;
  const places = topPlaces(x.map((value, index) => Math.abs(value * w[index])), x.length);
  const shown = open ? Array.from(x.keys()) : places.slice(0, FIRST);
  const products = (list) => list.reduce((sum, index) => sum + x[index] * w[index], 0);
  const others = open ? 0 : products(places.slice(FIRST));
  const total = products(places) + (bias ?? 0);
  const number = (value) => c.fixed(value, 4);
  const hidden = x.length - FIRST;
  return h("div", { class: `spelled${open ? " open" : ""}`, role: "group", "aria-label": c.t("spelled.title"), dataset: { spelled: id } },
    h("div", { class: "spelled-sum" },
      h("span", { class: "spelled-name" }, `${letter}`, h("sub", {}, row), " ="),
      h("ol", { class: "terms" },
        shown.map((index) => h("li", { class: "term" }, h("span", { class: "term-product" }, bracket(c, x[index]), " · ", bracket(c, w[index])), h("small", {}, c.t("spelled.place", { index })))),
        !open && hidden > 0 && h("li", { class: "term others" }, h("span", { class: "term-product" }, bracket(c, others)), h("small", {}, c.t("spelled.others", { count: hidden }))),
        bias !== null && h("li", { class: "term" }, h("span", { class: "term-product" }, bracket(c, bias)), h("small", {}, c.t("spelled.bias")))),
      h("span", { class: "spelled-total" }, "= ", h("strong", { dataset: { value: String(total) } }, number(total)))),
    hidden > 0 && h("p", { class: "spelled-foot" },
      h("span", {}, open ? c.t("spelled.all", { count: x.length }) : c.t("spelled.largest")),
      button({ key: `${c.part}-terms-${id}`, label: open ? c.t("spelled.less") : c.t("spelled.more", { count: hidden }), small: true, onClick: () => c.set({ terms: open ? null : id }) })));
}

/** A number in a product or sum: negative ones stand in brackets. */
function bracket(c, value) {
  return value < 0 ? `(${c.fixed(value, 4)})` : c.fixed(value, 4);
}
