// The page's whole state is the part of its address behind "#": a link is the picture, and every test can open it.

const NUMBERS = new Set(["beam", "layer", "head", "i", "j", "step"]);
const DEFAULTS = {
  stage: "1", level: "learner", model: "", model_b: "", text: "", target: "", prefix: "", beam: 0, layer: 0, head: 0,
  kind: "encoder", i: null, j: null, step: 0, edits: [], table: "", theme: "", lang: "",
};
const STAGE_OWN = new Set(["stage", "level", "model", "model_b", "text", "target", "prefix", "beam", "edits", "theme"]);

/** The state that a "#..." says; what it does not say has its default. Unknown names are kept as text. */
export function readAddress(hash) {
  const state = { ...DEFAULTS };
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (NUMBERS.has(name)) state[name] = Math.max(0, parseInt(text, 10) || DEFAULTS[name]);
    else if (name === "edits") state.edits = readEdits(text);
    else if (name !== "token" && name !== "__proto__") state[name] = text;
  }
  return state;
}

/** The shortest "#..." that says this state. */
export function writeAddress(state) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value === null || value === undefined || value === DEFAULTS[name]) continue;
    if (name === "edits") {
      if (value.length) parts.set(name, JSON.stringify(value));
    } else if (value !== "") parts.set(name, String(value));
  }
  return `#${parts.toString()}`;
}

/** The state with changes; a change of text or model forgets what pointed into the old sentence. */
export function changed(state, changes) {
  const next = { ...state };
  for (const [name, value] of Object.entries(changes)) next[name] = value === null ? DEFAULTS[name] ?? "" : value;
  if (next.text !== state.text || next.model !== state.model) {
    for (const name of ["i", "j", "step"]) if (!(name in changes)) next[name] = DEFAULTS[name];
    if (!("prefix" in changes)) next.prefix = "";
  }
  if (next.target !== state.target && !("step" in changes)) next.step = 0;
  return next;
}

/** True if the two states show the same run of the model. */
export function sameRun(a, b) {
  const keys = ["model", "text", "target", "prefix", "beam"];
  return keys.every((key) => a[key] === b[key]) && JSON.stringify(a.edits) === JSON.stringify(b.edits);
}

/** The state of another stage: keeps sentence, model and place, drops what only the old stage used. */
export function atStage(state, stage) {
  const kept = Object.entries(state).filter(([name]) => STAGE_OWN.has(name) || name in DEFAULTS);
  return { ...Object.fromEntries(kept), stage };
}

function readEdits(text) {
  try {
    const edits = JSON.parse(text);
    return Array.isArray(edits) ? edits : [];
  } catch {
    return []; // somebody's link was cut: the page opens without the experiment
  }
}
