// The output, one step after the other: what the decoder had read, what it wrote, how sure it was.

import { h } from "./dom.js";
import { clamp } from "./numbers.js";

const PACE = 1400; // milliseconds that a step stands still while playing

/** Plays the steps; lives as long as the page. */
export class Player {
  constructor(app) {
    this.app = app;
    this.timer = null;
  }

  /** The last step of the longest output that is shown. */
  get last() {
    return Math.max(...this.app.contexts.map((c) => c.outputTokens.length)) - 1;
  }

  get playing() {
    return this.timer !== null;
  }

  toggle() {
    if (this.playing) return this.stop();
    if (!this.app.first) return;
    if (this.app.state.step >= this.last) this.go(0);
    this.timer = setInterval(() => this.tick(), PACE);
    this.app.drawTimeline();
  }

  tick() {
    if (this.app.state.step >= this.last) this.stop();
    else this.go(this.app.state.step + 1);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.app.drawTimeline();
  }

  go(step) {
    const next = clamp(step, 0, this.last);
    if (next === this.app.state.step) return;
    this.app.set({ step: next });
    this.app.say(sentence(this.app.first, Math.min(next, this.app.first.outputTokens.length - 1)));
  }
}

/** "Step 3 of 7: after “Die Katze” the model wrote “gehörte” (97 %)." */
export function sentence(c, step) {
  const wrote = c.outputTokens[step];
  const read = c.inputTokens.slice(1, step + 1).map((token) => token.label).join(" ");
  return c.t(step ? "timeline.step" : "timeline.first", {
    step: step + 1, steps: c.outputTokens.length, read, wrote: wrote.label, percent: c.percent(Math.exp(c.run.target.log_probs[step])),
  });
}

/** The bar at the bottom of the page: a row of steps for each model that is shown. */
export function timeline(contexts, player) {
  const [c] = contexts;
  const last = Math.max(...contexts.map((one) => one.outputTokens.length)) - 1;
  const tool = (name, sign, keys, onclick, off = false) => h("button", {
    type: "button", class: "icon", "aria-label": c.t(`timeline.${name}`), title: `${c.t(`timeline.${name}`)} (${keys})`, disabled: off, onclick, dataset: { key: `timeline-${sign}` },
  }, h("span", { "aria-hidden": "true", class: `sign sign-${sign}` }));
  const playing = player.playing;
  return [
    h("div", { class: "timeline-tools" },
      tool("back", "back", "←", () => player.go(c.state.step - 1), c.state.step <= 0),
      h("button", {
        type: "button", class: "icon", "aria-label": c.t(playing ? "timeline.pause" : "timeline.play"), title: `${c.t(playing ? "timeline.pause" : "timeline.play")} (${c.t("key.space")})`, onclick: () => player.toggle(), dataset: { key: "timeline-play" },
      }, h("span", { "aria-hidden": "true", class: `sign sign-${playing ? "pause" : "play"}` })),
      tool("next", "next", "→", () => player.go(c.state.step + 1), c.state.step >= last)),
    h("div", { class: "timeline-rows" }, contexts.map((one) => h("div", { class: "timeline-row" }, contexts.length > 1 && h("span", { class: "timeline-name" }, one.model.name), stepsOf(one, player)))),
    h("p", { class: "timeline-words" }, sentence(c, c.step)),
  ];
}

function stepsOf(c, player) {
  const steps = c.outputTokens.map((token, step) => {
    const state = step === c.step ? " now" : step > c.step ? " later" : "";
    return h("li", {}, h("button", {
      type: "button", class: `step${state}${token.special ? " special" : ""}`, "aria-current": step === c.step ? "step" : null, onclick: () => player.go(step),
      dataset: { key: `step-${c.part}-${step}` }, "aria-label": sentence(c, step), css: { "--share": String(Math.exp(c.run.target.log_probs[step])) },
    }, h("bdi", { lang: token.lang || null, dir: "auto" }, token.label), h("span", { class: "step-bar", "aria-hidden": "true" })));
  });
  return h("ol", { class: "steps", "aria-label": `${c.t("timeline.label")}: ${c.model.name}` }, steps);
}
