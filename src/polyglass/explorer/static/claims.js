// What is loose in the usual telling, said where it is shown. Each box has the number of the statement in the docs.

import { h } from "./dom.js";

/** The box of a numbered statement; the element can be linked to as #claim-N. */
export function claim(c, number, values = {}) {
  return h("aside", { class: "card card-note claim", id: c.part === "b" ? null : `claim-${number}`, "aria-label": c.t("claim.label", { number }) },
    h("p", {}, c.rich(`claim.${number}`, values)));
}
