// The architecture as a picture that is also the way around: every box leads to the stage that explains it. Drawn from
// the model's own settings: number of layers, sizes, norm before or after, kind of positions.

import { h, s } from "./dom.js";

const BOX = 78;
const LEFT = 14;
const RIGHT = 124;
const WIDTH = 216;

/** The diagram of a model. lit: name of the box that glows; at(stage, changes) -> address. */
export function diagram(c, lit, at) {
  const parts = c.model.family === "transformer" ? transformer(c) : recurrent(c);
  const svg = s("svg", { class: "diagram", viewBox: `0 0 ${WIDTH} ${parts.height}`, role: "group", "aria-label": c.t("diagram.label", { name: c.model.name }) });
  svg.append(s("defs", {}, s("marker", { id: `tip-${c.part}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto-start-reverse" }, s("path", { d: "M0 0.8L7.2 4L0 7.2z", class: "diagram-tip" }))));
  for (const line of parts.lines) svg.append(s("path", { class: `diagram-line ${line.tone ?? ""}`, d: line.d, "marker-end": line.bare ? null : `url(#tip-${c.part})` }));
  for (const frame of parts.frames) {
    svg.append(
      s("rect", { class: `diagram-frame ${frame.side}${isLit(frame.part, lit) ? " lit" : ""}`, x: frame.x - 7, y: frame.y, width: BOX + 14, height: frame.high, rx: 9 }),
      s("text", { class: "diagram-size times", x: frame.x - 6, y: frame.y - 5 }, frame.words),
    );
  }
  for (const box of parts.boxes) svg.append(boxOf(c, box, lit, at));
  for (const text of parts.texts) svg.append(s("text", { class: `diagram-size ${text.tone ?? ""}`, x: text.x, y: text.y, "text-anchor": "middle" }, text.words));
  return svg;
}

function boxOf(c, { x, y, wide = BOX, high = 22, side, part, words, stage, changes = {} }, lit, at) {
  const on = isLit(part, lit);
  const small = part.endsWith(".norm");
  const name = `diagram-box ${side}${on ? " lit" : ""}${small ? " small" : ""}`;
  const link = s("a", { href: at(stage, changes), class: name, "aria-current": on ? "true" : null, "aria-label": c.t("diagram.box", { name: words, stage }) });
  link.append(s("rect", { x, y, width: wide, height: high, rx: 5 }), s("text", { x: x + wide / 2, y: y + high / 2, "text-anchor": "middle", "dominant-baseline": "central" }, words));
  return link;
}

function isLit(part, lit) {
  if (lit === "encoder" || lit === "decoder") return part === lit; // the stack as a whole, not each of its boxes
  return Boolean(part) && (part === lit || part.startsWith(`${lit}.`));
}

function transformer(c) {
  const { t, sizes, model } = { t: (key, values) => c.t(key, values), sizes: c.sizes, model: c.model };
  const pre = model.config.norm_place === "pre";
  const norm = t(`norm.${model.config.norm}`);
  const boxes = [];
  const lines = [];
  const texts = [];
  const bottom = 372;
  const word = (name) => t(`diagram.${name}`);

  /** A stack from its lowest sub-layer up; returns the y of its top. */
  const stack = (x, side, sublayers, from) => {
    let y = from;
    for (const [part, words, stage, changes] of sublayers) {
      const body = { x, side, part, words, stage, changes, high: 24 };
      const normal = { x, side, part: `${part}.norm`, words: norm, stage: "13", changes, high: 15 };
      const lower = pre ? normal : body;
      const upper = pre ? body : normal;
      const start = y;
      y -= lower.high + 7;
      boxes.push({ ...lower, y });
      y -= upper.high + 3;
      boxes.push({ ...upper, y });
      // The way around the sub-layer: from below it to the sum above it.
      const edge = side === "source" ? x - 3.5 : x + BOX + 3.5;
      const end = pre ? y - 3 : y + upper.high + 1.5;
      lines.push({ d: `M${x + BOX / 2} ${start - 3}H${edge}V${end}H${x + BOX / 2}`, tone: "residual", bare: true });
    }
    return y;
  };
  const encoder = [
    ["encoder.attention", word("attention"), "8", { kind: "encoder" }], ["encoder.ffn", word("ffn"), "13", { part: "encoder" }],
  ];
  const decoder = [
    ["decoder.attention", word("masked"), "9", { kind: "decoder" }], ["cross.attention", word("cross"), "8", { kind: "cross" }], ["decoder.ffn", word("ffn"), "13", { part: "decoder" }],
  ];
  const base = bottom - 92;
  const encoderTop = stack(LEFT, "source", encoder, base);
  const decoderTop = stack(RIGHT, "target", decoder, base);
  const middle = (x) => x + BOX / 2;
  const frames = [
    { x: LEFT, y: encoderTop - 9, high: base - encoderTop + 10, side: "source", part: "encoder", words: `${sizes.N_encoder} ×` },
    { x: RIGHT, y: decoderTop - 9, high: base - decoderTop + 10, side: "target", part: "decoder", words: `${sizes.N_decoder} ×` },
  ];
  for (const [x, side, letters] of [[LEFT, "source", "S"], [RIGHT, "target", "T"]]) {
    const stackName = side === "source" ? "encoder" : "decoder";
    boxes.push({ x, y: bottom - 78, side, part: `${stackName}.positions`, words: t(`positions.${model.config.positions}`), stage: "3", high: 20 });
    boxes.push({ x, y: bottom - 50, side, part: `${stackName}.embedding`, words: word("embedding"), stage: "2", changes: { side }, high: 20 });
    boxes.push({ x, y: bottom - 20, side, part: side, words: word(side), stage: "1", high: 20 });
    lines.push({ d: `M${middle(x)} ${bottom - 20}V${bottom - 30}`, bare: false }, { d: `M${middle(x)} ${bottom - 50}V${bottom - 58}` }, { d: `M${middle(x)} ${bottom - 78}V${base + 1}` });
    texts.push({ x: middle(x), y: bottom + 13, words: `${sizes[letters]} × ${sizes.d_model}` });
  }
  // The encoder's result goes over to every decoder layer.
  const cross = boxes.find((box) => box.part === "cross.attention");
  const between = (LEFT + BOX + RIGHT) / 2;
  lines.push({ d: `M${middle(LEFT)} ${encoderTop - 9}V${encoderTop - 24}H${between}V${cross.y + cross.high / 2}H${RIGHT - 1}`, tone: "source" });
  const top = decoderTop - 24;
  boxes.push({ x: RIGHT, y: top - 20, side: "target", part: "output.linear", words: word("linear"), stage: "6", high: 20 });
  boxes.push({ x: RIGHT, y: top - 46, side: "target", part: "output.softmax", words: word("softmax"), stage: "6", high: 20 });
  lines.push({ d: `M${middle(RIGHT)} ${decoderTop - 9}V${top + 1}` }, { d: `M${middle(RIGHT)} ${top - 20}V${top - 25}` });
  texts.push({ x: RIGHT - 4 - 34, y: top - 32, words: `V = ${sizes.V_target}` });
  return shifted({ boxes, lines, frames, texts }, top - 56, bottom + 20);
}

/** Move everything so that the picture begins at its top edge. */
function shifted(parts, top, bottom) {
  return { ...parts, height: bottom - top, ...moveUp(parts, top) };
}

function moveUp({ boxes, lines, frames, texts }, by) {
  const up = (item) => ({ ...item, y: item.y - by });
  const path = (d) => d.replace(/([MLHV])([^MLHVZ]*)/g, (whole, command, numbers) => {
    const list = numbers.trim().split(/[\s,]+/).map(Number);
    if (command === "V") return `V${list[0] - by}`;
    if (command === "H") return whole;
    return `${command}${list[0]} ${list[1] - by}`;
  });
  return { boxes: boxes.map(up), frames: frames.map(up), texts: texts.map(up), lines: lines.map((line) => ({ ...line, d: path(line.d) })) };
}

function recurrent(c) {
  const word = (name) => c.t(`diagram.${name}`);
  const cell = c.t(`cell.${c.model.family}`);
  const attention = c.model.config.attention !== "none";
  const bottom = 300;
  const boxes = [];
  const lines = [];
  const texts = [];
  const middle = (x) => x + BOX / 2;
  for (const [x, side, stack, letters] of [[LEFT, "source", "encoder", "S"], [RIGHT, "target", "decoder", "T"]]) {
    boxes.push(
      { x, y: bottom - 22, side, part: side, words: word(side), stage: "1", high: 22 },
      { x, y: bottom - 58, side, part: `${stack}.embedding`, words: word("embedding"), stage: "2", changes: { side }, high: 22 },
      { x, y: bottom - 128, side, part: `${stack}.cell`, words: cell, stage: "4R", high: 44 },
    );
    lines.push({ d: `M${middle(x)} ${bottom - 22}V${bottom - 35}` }, { d: `M${middle(x)} ${bottom - 58}V${bottom - 83}` });
    lines.push({ d: `M${x + BOX} ${bottom - 116}H${x + BOX + 9}V${bottom - 97}H${x + BOX + 1}`, tone: "residual" });
    texts.push({ x: middle(x), y: bottom + 13, words: `${c.sizes[letters]} × ${c.sizes.d_model}` });
  }
  lines.push({ d: `M${LEFT + BOX + 9} ${bottom - 106}H${RIGHT - 1}`, tone: "source" });
  let y = bottom - 128;
  if (attention) {
    boxes.push({ x: RIGHT, y: y - 42, side: "target", part: "cross.attention", words: word("attention"), stage: "8R", high: 24 });
    lines.push({ d: `M${middle(RIGHT)} ${y}V${y - 17}` }, { d: `M${middle(LEFT)} ${y}V${y - 30}H${RIGHT - 1}`, tone: "source" });
    y -= 42;
  }
  boxes.push({ x: RIGHT, y: y - 34, side: "target", part: "output.linear", words: word("linear"), stage: "6", high: 20 });
  boxes.push({ x: RIGHT, y: y - 62, side: "target", part: "output.softmax", words: word("softmax"), stage: "6", high: 20 });
  lines.push({ d: `M${middle(RIGHT)} ${y}V${y - 13}` }, { d: `M${middle(RIGHT)} ${y - 34}V${y - 41}` });
  texts.push({ x: RIGHT - 38, y: y - 48, words: `V = ${c.sizes.V_target}` });
  return shifted({ boxes, lines, frames: [], texts }, y - 72, bottom + 20);
}

/** The stages as a list, in their passes. On a narrow page it is folded behind the name of the current one. */
export function stageList(c, stages, at) {
  const passes = [1, 2, 3].map((pass) => [pass, stages.filter((stage) => stage.pass === pass)]).filter(([, list]) => list.length);
  const name = (stage) => c.t(c.words.has(`stage.${stage.id}.short`) ? `stage.${stage.id}.short` : `stage.${stage.id}.title`);
  const box = h("div", { class: "stage-list", dataset: { key: "stages" } },
    h("button", { type: "button", class: "stage-fold", "aria-expanded": "false", onclick: () => unfold(box) },
      h("span", { class: "stage-number" }, c.stage.slot), h("strong", {}, name(c.stage)), h("span", { class: "quiet" }, c.t("stages.all"))),
    h("div", { class: "stage-passes" }, passes.map(([pass, list]) => h("section", {},
      h("h2", {}, c.t(`pass.${pass}`)),
      h("ol", {}, list.map((stage) => h("li", {}, h("a", {
        href: at(stage.slot), class: stage.slot === c.stage.slot ? "current" : null, "aria-current": stage.slot === c.stage.slot ? "page" : null,
      }, h("span", { class: "stage-number" }, stage.slot), h("span", {}, name(stage))))))))));
  return box;
}

function unfold(box) {
  const open = box.classList.toggle("open");
  box.querySelector(".stage-fold").setAttribute("aria-expanded", String(open));
}
