// All stages in the order in which they are taught.

import { stage as tokens } from "./01-tokens.js";
import { stage as embedding } from "./02-embedding.js";
import { stage as positions } from "./03-positions.js";
import { stage as encoder } from "./04-encoder.js";
import { stage as decoder } from "./05-decoder.js";
import { stage as output } from "./06-output.js";
import { stage as retrieval } from "./07-retrieval.js";
import { stage as heads } from "./08-heads.js";
import { stage as masks } from "./09-masks.js";
import { stage as projections } from "./10-projections.js";
import { stage as attention } from "./11-attention.js";
import { stage as concat } from "./12-concat.js";
import { stage as residual } from "./13-residual.js";
import { stage as practice } from "./14-practice.js";
import { stage as hidden } from "./r4-hidden.js";
import { stage as gates } from "./r5-gates.js";
import { stage as held } from "./r6-held.js";
import { stage as alignment } from "./r8-alignment.js";

export const stages = [
  tokens, embedding, positions, encoder, decoder, output, retrieval, heads, masks, projections, attention, concat, residual, practice,
  hidden, gates, held, alignment,
];
