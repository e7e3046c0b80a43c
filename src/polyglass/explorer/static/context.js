// What a stage sees: the state of the page, one model's run, its tensors, words and numbers. One for each model shown.

import { clamp } from "./numbers.js";
import { windowFor } from "./long.js";
import { Refusal, tensorKey } from "./source.js";

const KINDS = { encoder: "encoder", decoder: "decoder", cross: "cross" };

/** parts: {app, stage, state, part, model, run, words, source, signal}. */
export class Context {
  constructor(parts) {
    Object.assign(this, parts);
    this.tensors = {};
    this.extra = {};
    this.level = this.state.level;
    this.detail = this.level !== "learner";
    this.debug = this.level === "debug";
    this.sizes = sizesOf(this.model, this.run);
    const { source_lang: from, target_lang: to, special } = this.model;
    const { source, target } = this.run;
    this.sourceTokens = tokensOf(source, "source", from, special);
    this.inputTokens = tokensOf(target.inputs, "target", to, special);
    this.outputTokens = tokensOf(target, "target", to, special);
  }

  /** encoder, decoder or cross; a model without attention has none of them, but the name stays. */
  get kind() {
    return KINDS[this.state.kind] ?? "encoder";
  }

  /** The path of the attention that is looked at: kind and layer of the state. */
  get path() {
    const [stack, name] = { encoder: ["encoder", "self_attention"], decoder: ["decoder", "self_attention"], cross: ["decoder", "cross_attention"] }[this.kind];
    const layers = stack === "encoder" ? this.sizes.N_encoder : this.sizes.N_decoder;
    return `${stack}.layers.${clamp(this.state.layer, 0, layers - 1)}.${name}`;
  }

  get rowTokens() {
    return this.kind === "encoder" ? this.sourceTokens : this.inputTokens;
  }

  get colTokens() {
    return this.kind === "decoder" ? this.inputTokens : this.sourceTokens;
  }

  /** The step of the timeline, inside this model's own output. */
  get step() {
    return clamp(this.state.step, 0, this.outputTokens.length - 1);
  }

  /** A number of the state that is free for the stage. */
  number(key, fallback) {
    const value = Number.parseFloat(this.state[key]);
    return Number.isFinite(value) ? value : fallback;
  }

  /** A fetched tensor; want: as it stood in `needs`, or a path whose only part was asked for. */
  tensor(want) {
    const key = tensorKey(want);
    const found = this.tensors[key] ?? Object.values(this.tensors).find((tensor) => tensor.path === key);
    if (!found) throw new Refusal({ code: "tensor", path: key });
    return found;
  }

  has(path) {
    return path in this.tensors;
  }

  set(changes, options) {
    this.app.set(changes, options);
  }

  /** Repeat the run with these changes inside the model; [] ends the experiment. */
  runEdits(edits) {
    this.app.set({ edits });
  }

  say(text) {
    this.app.say(text);
  }

  window(total, focus) {
    return windowFor(total, focus);
  }

  t(key, values) {
    return this.words.t(key, { ...this.sizes, ...values });
  }

  rich(key, values) {
    return this.words.rich(key, { ...this.sizes, ...values });
  }

  /** Words of this stage: `own("title")` is the text "stage.ID.title". */
  own(key, values) {
    return this.t(`stage.${this.stage.id}.${key}`, values);
  }

  fixed(value, digits) {
    return this.words.fixed(value, digits);
  }

  short(value) {
    return this.words.short(value);
  }

  percent(share) {
    return this.words.percent(share);
  }

  bytes(count) {
    return this.words.bytes(count);
  }

  /** The address of another view of the same sentence, for a link. */
  link(changes) {
    return this.app.addressOf(changes);
  }
}

/** The sizes of the model and of this sentence, by the letters of the formulas. */
function sizesOf(model, run) {
  const { config, vocabulary } = model;
  const width = config.d_model;
  return {
    d_model: width, h: config.num_heads ?? 0, d_k: model.d_k ?? 0, d_ff: config.d_ff ?? 0,
    N_encoder: config.encoder_layers, N_decoder: config.decoder_layers,
    V_source: vocabulary[0], V_target: vocabulary[1], S: run.source.pieces.length, T: run.target.pieces.length,
  };
}

/** kind: special, unknown, byte or text. special: the name of a sign of the model itself, else null. */
function tokensOf({ pieces, labels, ids, kinds, words = [] }, side, lang, special) {
  const specials = new Map(Object.entries(special).map(([name, id]) => [id, name]));
  return pieces.map((piece, index) => ({
    label: labels[index], piece, id: ids[index], index, side, lang: specials.has(ids[index]) ? "" : lang,
    special: specials.get(ids[index]) ?? null, kind: kinds?.[index] ?? null,
    word: words.findIndex(([from, to]) => index >= from && index < to),
  }));
}
