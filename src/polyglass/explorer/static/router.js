// Which stage a model shows for a place in the address. Recurrent models have stages of their own ("4R").

import { stages } from "./stages/index.js";

const all = stages.map((stage) => ({ ...stage, slot: stage.slot ?? `${stage.number}${stage.family === "recurrent" ? "R" : ""}` }));

/** The stages that a model has, in the order in which the server names them. */
export function stagesOf(model) {
  return model.stages.map((slot) => all.find((stage) => stage.slot === slot && fits(stage, model))).filter(Boolean);
}

/** The stage at a slot, or the nearest the model has: same slot, same number, else null. */
export function stageAt(slot, model) {
  const own = stagesOf(model);
  return own.find((stage) => stage.slot === slot) ?? own.find((stage) => stage.number === parseInt(slot, 10)) ?? null;
}

/** What stands at a slot for whatever model, to say what is missing. */
export function anyStageAt(slot) {
  return all.find((stage) => stage.slot === slot) ?? all.find((stage) => stage.number === parseInt(slot, 10)) ?? all[0];
}

function fits(stage, model) {
  return stage.family === "any" || (stage.family === "transformer") === (model.family === "transformer");
}
