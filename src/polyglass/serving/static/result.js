// One answer of the server as the page shows it: sentences with their places on both sides, and which candidate is taken.

import { confidences, counterparts, places, wordsOf } from "./spans.js";

/** A sentence of the translation. taken: the number of the candidate that is shown. */
class Sentence {
  constructor(answer, { place, from, source, target }) {
    this.answer = answer;
    this.candidates = answer.candidates;
    this.texts = answer.candidates.map((one) => one.text);
    this.place = place;
    this.taken = 0;
    this.target = target;
    // from: where it begins in the text of the user; null if that is not in the language that the model read.
    this.sourceWords = from === null ? [] : wordsOf(answer.source, source);
    this.from = from;
  }

  get candidate() {
    return this.candidates[this.taken];
  }

  /** The words of the taken candidate: [{start, end, text, share, links}], links counted within the sentence. */
  get words() {
    const { candidate } = this;
    candidate.words ??= this.read(candidate);
    return candidate.words;
  }

  read(candidate) {
    const words = wordsOf(candidate.text, this.target);
    const shares = confidences(words, candidate);
    const links = counterparts(words, candidate, { source: this.answer.source, pieces: this.answer.source_tokens, sourceWords: this.sourceWords });
    return words.map((word, index) => ({ ...word, share: shares[index], links: links[index] }));
  }
}

export class Result {
  /** text: what the user asked for; answer: of /v1/translate for it. */
  constructor(text, answer) {
    this.asked = text;
    this.answer = answer;
    this.direct = answer.models.length < 2;
    const sentences = answer.sentences ?? [];
    const here = places(sentences.map((one) => one.candidates[0].text), answer.text);
    // Tags and addresses are put back around what the model wrote. Of one sentence the server has done so for each candidate.
    const whole = sentences.length === 1 && !here[0] ? [answer.text.trim(), ...answer.alternatives.map((one) => one.trim())] : null;
    if (whole) here[0] = places([answer.text], answer.text)[0];
    const there = this.direct ? places(sentences.map((one) => one.source), text) : sentences.map(() => null);
    this.sourcePlaces = [];
    this.sentences = sentences.map((one, index) => {
      const exact = there[index] && text.slice(...there[index]) === one.source;
      const sentence = new Sentence(one, { place: here[index], from: exact ? there[index][0] : null, source: answer.source, target: answer.target });
      sentence.texts = whole ?? sentence.texts;
      sentence.firstWord = this.sourcePlaces.length;
      for (const { start, end } of sentence.sourceWords) this.sourcePlaces.push({ start: start + sentence.from, end: end + sentence.from });
      return sentence;
    });
  }

  /** The translation as it is shown, in parts: texts, and the numbers of sentences. */
  get parts() {
    const found = [];
    let end = 0;
    this.sentences.forEach(({ place }, index) => {
      if (!place) return;
      found.push(this.answer.text.slice(end, place[0]), index);
      end = place[1];
    });
    return [...found, this.answer.text.slice(end)].filter((part) => part !== "");
  }

  get text() {
    return this.parts.map((part) => (typeof part === "string" ? part : this.shown(this.sentences[part]))).join("");
  }

  /** A best candidate stands in the text as the server wrote it; others as the model did. */
  shown(sentence) {
    return sentence.taken ? sentence.texts[sentence.taken] : this.answer.text.slice(...sentence.place);
  }
}
