// Which characters of a text are which word, which subwords spell it, and which words of the other side belong to it.

const SPACE = "▁";
const CLEAR = 0.15; // of the attention: with less of it, nothing is called a counterpart
const SHARE = 0.5; // of the strongest counterpart: what has so much of it is one, too

/** The words and marks of a text as [{start, end, text}], without the spaces between them. */
export function wordsOf(text, lang) {
  const found = [];
  for (const { segment, index } of segments(text, lang)) {
    if (!segment.trim()) continue;
    const last = found.at(-1);
    // "don't" and "e-mail" are one word to whoever reads them.
    const joins = last && last.end === index && (/^['’\-\u2010]$/.test(segment) || /['’\-\u2010]$/.test(last.text)) && /[\p{L}\p{N}]/u.test(last.text + segment);
    if (joins && !/^['’\-\u2010]+$/.test(last.text)) Object.assign(last, { end: index + segment.length, text: last.text + segment });
    else found.push({ start: index, end: index + segment.length, text: segment });
  }
  return found;
}

function segments(text, lang) {
  if (Intl.Segmenter) return new Intl.Segmenter(locale(lang), { granularity: "word" }).segment(text);
  return [...text.matchAll(/[\p{L}\p{N}\p{M}]+|\S/gu)].map((one) => ({ segment: one[0], index: one.index }));
}

function locale(lang) {
  try {
    return Intl.getCanonicalLocales(lang)[0];
  } catch {
    return "en"; // a model may call its language as it likes
  }
}

/** The characters [start, end] that each subword spells, null for those that spell none; null if it cannot be told. */
export function pieceRanges(pieces, text) {
  const letters = [];
  pieces.forEach((piece, index) => {
    if (/^<\/?\w+>$/.test(piece) && !/^<0x/.test(piece)) return;
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece);
    if (byte) letters.push({ byte: parseInt(byte[1], 16), index });
    else for (const letter of piece.replaceAll(SPACE, "")) letters.push({ letter, index });
  });
  return walked(spelled(letters), pieces.length, text) ?? byBlanks(pieces, text);
}

/** Letters with the pieces that spell them: bytes that make a letter together are one. */
function spelled(letters) {
  const found = [];
  for (let at = 0; at < letters.length; at += 1) {
    const { letter, byte, index } = letters[at];
    if (byte === undefined) found.push({ letter, pieces: [index] });
    else {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      const group = letters.slice(at, at + size);
      at += group.length - 1;
      const text = new TextDecoder().decode(new Uint8Array(group.map((one) => one.byte ?? 0)));
      if (text.trim()) found.push({ letter: text, pieces: group.map((one) => one.index) });
    }
  }
  return found;
}

function walked(letters, count, text) {
  const ranges = Array(count).fill(null);
  let at = 0;
  for (const { letter, pieces } of letters) {
    while (at < text.length && !text[at].trim()) at += 1;
    if (!text.startsWith(letter, at)) return null;
    for (const piece of pieces) ranges[piece] = [ranges[piece]?.[0] ?? at, at + letter.length];
    at += letter.length;
  }
  return text.slice(at).trim() ? null : ranges;
}

/** The model reads some letters as others ("ﬁ" as "fi"); then words between blanks are the best there is. */
function byBlanks(pieces, text) {
  const blanks = [...text.matchAll(/\S+/g)];
  let word = -1;
  const numbers = pieces.map((piece) => (/^<\/?s>$/.test(piece) ? null : piece.startsWith(SPACE) || word < 0 ? (word += 1) : word));
  if (word + 1 !== blanks.length) return null;
  return numbers.map((number) => (number === null ? null : [blanks[number].index, blanks[number].index + blanks[number][0].length]));
}

/** For each word the numbers of the subwords that spell some of it. */
export function piecesOf(words, ranges) {
  return words.map(({ start, end }) => ranges.flatMap((range, index) => (range && range[0] < end && range[1] > start ? [index] : [])));
}

/** How likely the model found each word of a candidate: the product over its subwords; null if that is not known. */
export function confidences(words, candidate) {
  const ranges = candidate.tokens && pieceRanges(candidate.tokens.map((one) => one.text), candidate.text);
  if (!ranges) return words.map(() => null);
  return piecesOf(words, ranges).map((own) => (own.length ? Math.exp(own.reduce((sum, one) => sum + candidate.tokens[one].log_prob, 0)) : null));
}

/** For each word of a candidate the numbers of its counterparts among the words of the source; [] where none is clear. */
export function counterparts(words, candidate, { source, pieces, sourceWords }) {
  const none = words.map(() => []);
  if (!candidate.alignment || !candidate.tokens || !pieces) return none;
  const ranges = pieceRanges(candidate.tokens.map((one) => one.text), candidate.text);
  const sourceRanges = pieceRanges(pieces, source);
  if (!ranges || !sourceRanges) return none;
  const columns = piecesOf(sourceWords, sourceRanges);
  return piecesOf(words, ranges).map((rows) => {
    if (!rows.length) return [];
    const looks = columns.map((own) => rows.reduce((sum, row) => sum + own.reduce((part, column) => part + candidate.alignment[row][column], 0), 0) / rows.length);
    const most = Math.max(...looks);
    return most < CLEAR ? [] : looks.flatMap((look, index) => (look >= SHARE * most ? [index] : []));
  });
}

/** The parts of a text, each {text, new}: new is what another text does not have in this order (longest common words). */
export function differences(text, other) {
  const [mine, theirs] = [text, other].map((one) => one.split(/(\s+)/));
  const common = Array.from({ length: mine.length + 1 }, () => new Uint16Array(theirs.length + 1));
  for (let a = mine.length - 1; a >= 0; a -= 1) {
    for (let b = theirs.length - 1; b >= 0; b -= 1) common[a][b] = mine[a] === theirs[b] ? common[a + 1][b + 1] + 1 : Math.max(common[a + 1][b], common[a][b + 1]);
  }
  let b = 0;
  return mine.map((part, a) => {
    while (b < theirs.length && part !== theirs[b] && common[a][b + 1] === common[a][b]) b += 1;
    const same = b < theirs.length && part === theirs[b] && common[a][b] === common[a + 1][b + 1] + 1;
    if (same) b += 1;
    return { text: part, new: !same && Boolean(part.trim()) };
  });
}

/** Where each of some parts stands in a text, one after the other: [start, end], or null where it is written otherwise. */
export function places(parts, text) {
  let from = 0;
  return parts.map((part) => {
    const wanted = part.trim().split(/\s+/).map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("\\s+");
    if (!wanted) return null;
    const pattern = new RegExp(wanted, "g");
    pattern.lastIndex = from;
    const found = pattern.exec(text);
    if (!found) return null;
    from = found.index + found[0].length;
    return [found.index, from];
  });
}
