// What every graphic has around it: title, controls, one sentence that says what is to be seen, a table twin, files.

import { h } from "./dom.js";
import { asCsv, asJson, asPng, plain, save, standalone } from "./save.js";

/**
 * A figure. spec: id; title; graphic: element with toSVG(), or svg: () => element; summary: text or nodes; table: () =>
 * {columns, rows, note}; note: small words below; controls: nodes; wide: true for the full width of the view.
 */
export function figure(c, spec) {
  const { id, title, graphic, summary, table, note, controls } = spec;
  const open = table && tableOpen(c.state.table, id);
  const name = `figure-${c.part}-${id}`;
  return h("figure", { class: `figure${spec.wide ? " wide" : ""}`, dataset: { figure: id }, "aria-labelledby": name },
    h("figcaption", { class: "figure-head" }, h("h2", { id: name }, title),
      h("span", { class: "figure-tools" }, table && tableButton(c, id, open), table && saveMenu(c, spec))),
    controls && h("div", { class: "controls" }, controls),
    h("div", { class: "figure-body" }, graphic),
    summary && h("p", { class: "summary" }, summary),
    note && h("p", { class: "note" }, note),
    open && tableOf(c, id, title, table()));
}

/** A figure whose picture follows a control: `specOf(value)` is drawn anew inside the same figure. Returns {element, show}. */
export function liveFigure(c, controls, first, specOf) {
  const element = figure(c, { ...specOf(first), controls });
  const show = (value) => {
    const fresh = figure(c, specOf(value));
    for (const part of [".figure-head", ".figure-body", ":scope > .summary", ":scope > .note", ":scope > .table-scroll"]) {
      const old = element.querySelector(part);
      const now = fresh.querySelector(part);
      if (old && now) old.replaceWith(now);
    }
  };
  return { element, show };
}

function tableOpen(shown, id) {
  return shown === "1" || shown.split(",").includes(id);
}

function tableButton(c, id, open) {
  return h("button", {
    type: "button", class: "tool", "aria-pressed": String(open), dataset: { key: `table-${id}` }, title: `${c.t("figure.table")} (T)`,
    onclick: () => {
      const now = c.state.table === "1" ? [] : c.state.table.split(",").filter(Boolean);
      c.set({ table: open ? now.filter((one) => one !== id).join(",") : [...now, id].join(",") });
    },
  }, c.t("figure.table"));
}

function saveMenu(c, spec) {
  const about = () => ({ figure: spec.id, title: spec.title, model: c.model.name, text: c.run.source.text, output: c.run.target.text });
  const name = `polyglass-${c.stage.number}-${spec.id}`;
  const drawing = () => (spec.svg ? spec.svg() : spec.graphic.toSVG());
  const kinds = {
    SVG: () => save(`${name}.svg`, standalone(drawing()), "image/svg+xml"),
    PNG: async () => {
      const svg = drawing();
      save(`${name}.png`, await asPng(standalone(svg), Number(svg.getAttribute("width")), Number(svg.getAttribute("height"))), "image/png");
    },
    CSV: () => save(`${name}.csv`, asCsv(spec.table()), "text/csv"),
    JSON: () => save(`${name}.json`, asJson(spec.table(), about()), "application/json"),
  };
  const drawable = spec.svg || spec.graphic?.toSVG;
  const offered = Object.entries(kinds).filter(([kind]) => drawable || kind === "CSV" || kind === "JSON");
  const menu = h("details", { class: "menu", onkeydown: (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  } }, h("summary", { class: "tool" }, c.t("figure.save")),
    h("div", { class: "menu-list" }, offered.map(([kind, write]) => h("button", {
      type: "button", onclick: async () => {
        menu.open = false;
        await write();
        c.say(c.t("figure.saved", { kind }));
      },
    }, c.t(`figure.save.${kind.toLowerCase()}`)))));
  return menu;
}

/** The numbers of a figure, complete, as a table that scrolls in its own frame. */
function tableOf(c, id, title, { columns, rows, note }) {
  const cell = (value, index) => {
    if (typeof value === "number") return h("td", { class: "number", dataset: { value: String(value) } }, Number.isInteger(value) ? c.words.integer(value) : c.fixed(value, 4));
    const text = h("bdi", { lang: value?.lang || null, dir: "auto" }, plain(value));
    return index === 0 ? h("th", { scope: "row" }, text) : h("td", {}, text);
  };
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": `${c.t("figure.table")}: ${title}` },
    h("table", { dataset: { figure: id } },
      h("caption", {}, c.t("figure.rows", { count: rows.length, columns: columns.length }), note ? ` ${note}` : ""),
      h("thead", {}, h("tr", {}, columns.map((name, index) => h("th", { scope: "col", class: typeof rows[0]?.[index] === "number" ? "number" : null }, h("bdi", { lang: name?.lang || null, dir: "auto" }, plain(name)))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell))))));
}
