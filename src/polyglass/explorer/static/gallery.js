// All heads of one kind of attention as small pictures: a row for each layer, a column for each head. One is chosen.

import { bars } from "./bars.js";
import { h } from "./dom.js";
import { figure } from "./figure.js";
import { miniature } from "./miniature.js";
import { chosen } from "./place.js";

const BITS = Math.LOG2E; // the server says entropy in nats
const FAINT = 0.5; // where no head gives any word so much, the colours begin lower, and the page says so
const BADGES = ["previous", "same", "next", "delimiter", "alignment"];

/** The figure. thumbs: the reply about thumbnails. */
export function gallery(c, thumbs) {
  const all = thumbs.layers.flatMap(({ layer, path, heads }) => heads.map((head) => ({ ...head, layer, path })));
  return figure(c, {
    id: "gallery", title: c.own("gallery", { kind: c.own(`kind.${c.kind}`) }), wide: true,
    graphic: grid(c, thumbs, brightest(all)),
    svg: () => bars({
      items: all.map((one) => ({ label: name(c, one), value: one.badges.entropy_share })), max: 1, format: (x) => c.percent(x),
    }).toSVG(),
    summary: summary(c, all),
    note: notes(c, thumbs, brightest(all)),
    table: () => ({
      columns: [c.t("word.layer"), c.t("word.head"), c.own("badge.entropy.bits"), ...BADGES.map((badge) => c.own(`badge.${badge}`))],
      rows: all.map(({ layer, head, badges }) => [layer + 1, head + 1, badges.entropy * BITS, ...BADGES.map((badge) => badges[badge] ?? "–")]),
    }),
  });
}

/** What the numbers say about one head, each as a bar and in words. */
export function badgesOf(c, thumbs) {
  const { layer, head } = chosen(c);
  const { badges } = thumbs.layers[layer].heads[head];
  const shares = BADGES.filter((badge) => badges[badge] !== null && badges[badge] !== undefined);
  return figure(c, {
    id: "badges", title: c.own("badges", { layer: layer + 1, head: head + 1 }),
    graphic: bars({
      key: `${c.part}-badges`, max: 1, format: (x) => c.percent(x),
      items: [
        { label: c.own("badge.entropy"), value: badges.entropy_share, note: c.own("badge.entropy.long", { value: c.fixed(badges.entropy * BITS, 2) }), colour: "quiet" },
        ...shares.map((badge) => ({ label: c.own(`badge.${badge}`), value: badges[badge], note: c.own(`badge.${badge}.long`) })),
      ],
    }),
    summary: c.own("badges.summary", { confidence: c.percent(badges.confidence) }),
    table: () => ({
      columns: [c.own("badge"), c.own("badge.value")],
      rows: [[c.own("badge.entropy.bits"), badges.entropy * BITS], ...shares.map((badge) => [c.own(`badge.${badge}`), badges[badge]])],
    }),
  });
}

/** The weight that gets the full colour: 1, or the largest of all heads if all are faint. */
function brightest(all) {
  const bytes = all.map(({ image }) => Math.max(...Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0))));
  const largest = Math.max(...bytes) / 255;
  return largest < FAINT ? Math.max(largest, 0.02) : 1;
}

function notes(c, thumbs, high) {
  const texts = [thumbs.pooled && c.own("pooled", { rows: thumbs.rows, cols: thumbs.cols }), high < 1 && c.own("faint", { percent: c.percent(high) })];
  return texts.filter(Boolean).join(" ") || null;
}

function grid(c, thumbs, high) {
  const now = chosen(c);
  const off = (path) => c.state.edits.find((edit) => edit.kind === "heads_off" && edit.path === path)?.heads ?? [];
  const rows = thumbs.layers.map(({ layer, path, heads }) => h("div", { class: "gallery-row", role: "row" },
    h("span", { class: "gallery-layer", role: "rowheader" }, c.own("layer", { layer: layer + 1 })),
    heads.map((one) => cell(c, { ...one, layer, high, size: thumbs.size, picked: layer === now.layer && one.head === now.head, off: off(path).includes(one.head) }))));
  const box = h("div", {
    class: "gallery", role: "grid", "aria-label": c.own("gallery", { kind: c.own(`kind.${c.kind}`) }), dataset: { key: `${c.part}-gallery` },
    css: { "--heads": String(c.sizes.h) }, onkeydown: (event) => walk(event, box, c.sizes.h),
  }, rows);
  box.focus = () => box.querySelector("[tabindex='0']")?.focus({ preventScroll: true });
  return box;
}

function cell(c, { head, image, label, badges, layer, high, size, picked, off }) {
  const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
  const [rows, columns] = size;
  const words = badgeOf(c, label, badges);
  return h("span", { role: "gridcell" }, h("button", {
    type: "button", class: `thumb${picked ? " chosen" : ""}${off ? " off" : ""}`, tabindex: picked ? "0" : "-1", "aria-pressed": String(picked),
    "aria-label": `${name(c, { layer, head })}: ${off ? `${c.own("off")}, ` : ""}${words}`,
    onclick: () => c.set({ layer, head }),
  },
    miniature({ rows, columns, valueAt: (row, column) => bytes[row * columns + column] / 255, scale: { name: "weights", low: 0, high } }),
    h("span", { class: "thumb-words", "aria-hidden": "true" }, h("strong", {}, head + 1), h("span", { class: "thumb-badge" }, off ? c.own("off") : words))));
}

/** The badge of a head: what it does most, with its share; where nothing stands out, how widely it spreads. */
function badgeOf(c, label, badges) {
  const share = { previous: badges.previous, next: badges.next, same: badges.same, delimiter: badges.delimiter, alignment: badges.alignment }[label];
  if (share === undefined || share === null) return c.own("badge.bits", { bits: c.fixed(badges.entropy * BITS, 1) });
  return `${c.own(`label.${label}`)} ${c.percent(share)}`;
}

/** Arrow keys move over the pictures; Enter or Space chooses, as with every button. */
function walk(event, box, columns) {
  const buttons = [...box.querySelectorAll("button")];
  const here = buttons.indexOf(document.activeElement);
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  if (here < 0 || (by === undefined && event.key !== "Home" && event.key !== "End")) return;
  event.preventDefault();
  event.stopPropagation();
  const there = by === undefined ? (event.key === "Home" ? 0 : buttons.length - 1) : here + by;
  if (there < 0 || there >= buttons.length) return;
  buttons.forEach((button, index) => button.setAttribute("tabindex", index === there ? "0" : "-1"));
  buttons[there].focus();
}

function name(c, { layer, head }) {
  return c.own("name", { layer: layer + 1, head: head + 1 });
}

function summary(c, all) {
  const focused = all.reduce((a, b) => (b.badges.entropy < a.badges.entropy ? b : a));
  const looks = (badge) => all.filter((one) => typeof one.badges[badge] === "number").reduce((a, b) => (a && a.badges[badge] >= b.badges[badge] ? a : b), null);
  const second = looks(c.kind === "cross" ? "alignment" : "previous");
  const texts = [c.own("gallery.summary", { focused: name(c, focused), bits: c.fixed(focused.badges.entropy * BITS, 2) })];
  if (second) {
    const key = c.kind === "cross" ? "gallery.summary.alignment" : "gallery.summary.previous";
    texts.push(" ", c.own(key, { head: name(c, second), percent: c.percent(second.badges[c.kind === "cross" ? "alignment" : "previous"]) }));
  }
  return texts;
}
