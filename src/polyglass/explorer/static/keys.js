// The keyboard of the page. A grid or a field that has the focus takes its own keys first.

import { isField } from "./dom.js";

/** Listen for the whole page. */
export function listen(app) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || isField(event.target) || !app.first) return;
    const act = action(app, event);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function action(app, event) {
  const onButton = event.target instanceof HTMLElement && event.target.closest("button, summary, a");
  const c = app.first;
  const turn = (name, by, count) => () => app.set({ [name]: (Math.min(c.state[name], count - 1) + by + count) % count });
  const layers = c.kind === "encoder" ? c.sizes.N_encoder : c.sizes.N_decoder;
  switch (event.key) {
    case "n": return () => app.goStage(1);
    case "p": return () => app.goStage(-1);
    case "ArrowRight": return () => app.player.go(app.state.step + 1);
    case "ArrowLeft": return () => app.player.go(app.state.step - 1);
    case " ": return onButton ? null : () => app.player.toggle();
    case "[": return turn("layer", -1, layers);
    case "]": return turn("layer", 1, layers);
    case ",": return c.sizes.h ? turn("head", -1, c.sizes.h) : null;
    case ".": return c.sizes.h ? turn("head", 1, c.sizes.h) : null;
    case "t": case "T": return () => app.set({ table: app.state.table === "1" ? "" : "1" });
    case "1": case "2": case "3": return () => app.set({ level: ["learner", "detail", "debug"][Number(event.key) - 1] });
    case "?": return () => app.help();
    default: return null;
  }
}
