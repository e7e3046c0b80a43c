// A shown step with its numbers in, a Python program out that runs as it is and prints the shown numbers.
// Every program ends in one line for each result: its name, then the numbers as a list with six decimals.

const IMPORTS = { numpy: "import numpy as np", pytorch: "import torch" };

/** Return the program for `step` in "numpy" or "pytorch". step: {kind, title, lines, ...numbers of that kind}.
 *  title and lines (place in the model, words) become comments. Throws RangeError for a kind it does not know. */
export function snippet(step, language) {
  const write = WRITERS[step.kind];
  if (!write) throw new RangeError(`there is no snippet for ${step.kind}`);
  const body = write(step, LANGUAGES[language]);
  const comments = [step.title, ...(step.lines ?? [])].map((line) => `# ${oneLine(line)}`);
  return `${[...comments, IMPORTS[language], "", ...body].join("\n")}\n`;
}

/** Return a number as Python writes it, with as few digits as tell a float32 from its neighbours. */
export function python(x, language) {
  if (x === Infinity || x === -Infinity) return `${x < 0 ? "-" : ""}${language.inf}`;
  if (Number.isNaN(x)) return language.nan;
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(x.toPrecision(digits));
    if (Math.fround(short) === Math.fround(x)) return String(short);
  }
  return String(Number(x.toPrecision(9)));
}

const oneLine = (text) => String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/g, " ");

// What differs between the two libraries.
const LANGUAGES = {
  numpy: {
    inf: "np.inf",
    nan: "np.nan",
    array: (list) => `np.array(${list}, dtype=np.float32)`,
    booleans: (list) => `np.array(${list})`,
    exp: (x) => `np.exp(${x})`,
    sqrt: (x) => `np.sqrt(${x})`,
    where: (condition, a, b) => `np.where(${condition}, ${a}, ${b})`,
    clip: (x) => `np.maximum(${x}, 0)`,
    variance: (x) => `${x}.var()`,
    list: (x) => `np.atleast_1d(${x}).astype(float).round(6).tolist()`,
  },
  pytorch: {
    inf: "float('inf')",
    nan: "float('nan')",
    array: (list) => `torch.tensor(${list}, dtype=torch.float32)`,
    booleans: (list) => `torch.tensor(${list})`,
    exp: (x) => `torch.exp(${x})`,
    sqrt: (x) => `${x} ** 0.5`,
    where: (condition, a, b) => `torch.where(${condition}, ${a}, ${b})`,
    clip: (x) => `torch.relu(${x})`,
    variance: (x) => `${x}.var(correction=0)`,
    list: (x) => `[round(number, 6) for number in torch.atleast_1d(${x}).double().tolist()]`,
  },
};

const row = (x, language) => `[${Array.from(x, (value) => python(value, language)).join(", ")}]`;
const vector = (x, language) => language.array(row(x, language));
const rows = (matrix, language) => {
  const width = matrix.shape[1];
  const lines = Array.from({ length: matrix.shape[0] }, (_, i) =>
    `    ${row(matrix.data.slice(i * width, (i + 1) * width), language)},`);
  return language.array(`[\n${lines.join("\n")}\n]`);
};
const say = (name, expression, language) => `print(${JSON.stringify(name)}, ${language.list(expression)})`;

const WRITERS = {
  // x · one column of W + b: one number of q, k or v.
  projection: ({ x, column, bias, name }, l) => [
    `x = ${vector(x, l)}`,
    `column = ${vector(column, l)}`,
    `bias = ${python(bias ?? 0, l)}`,
    say(name, "(x * column).sum() + bias", l),
  ],
  // One row of attention: scores, weights, mixture.
  attention: ({ q, keys, values, visible, scaled = true }, l) => [
    `q = ${vector(q, l)}`,
    `k = ${rows(keys, l)}`,
    `v = ${rows(values, l)}`,
    `visible = ${l.booleans(`[${Array.from(visible, (seen) => (seen ? "True" : "False")).join(", ")}]`)}`,
    "",
    scaled ? `scores = k @ q / ${l.sqrt("len(q)")}` : "scores = k @ q",
    `scores = ${l.where("visible", "scores", `-${l.inf}`)}`,
    `weights = ${l.exp("scores - scores.max()")}`,
    "weights = weights / weights.sum()",
    "z = weights @ v",
    say("scores", "scores", l),
    say("weights", "weights", l),
    say("z", "z", l),
  ],
  // All rows of one head at once.
  head: ({ queries, keys, causal }, l) => [
    `q = ${rows(queries, l)}`,
    `k = ${rows(keys, l)}`,
    "",
    `scores = q @ k.T / ${l.sqrt("q.shape[1]")}`,
    ...(causal
      ? [l === LANGUAGES.numpy
        ? "scores = np.where(np.tril(np.ones_like(scores)) > 0, scores, -np.inf)"
        : "scores = scores.masked_fill(torch.ones_like(scores).tril() == 0, -torch.inf)"]
      : []),
    l === LANGUAGES.numpy
      ? "weights = np.exp(scores - scores.max(axis=1, keepdims=True))"
      : "weights = torch.exp(scores - scores.max(dim=1, keepdim=True).values)",
    l === LANGUAGES.numpy
      ? "weights = weights / weights.sum(axis=1, keepdims=True)"
      : "weights = weights / weights.sum(dim=1, keepdim=True)",
    `for row in weights:\n    ${say("weights", "row", l)}`,
  ],
  // One number of concat · W^Z, head by head.
  concat: ({ concat, column, bias, heads }, l) => [
    `concat = ${vector(concat, l)}`,
    `column = ${vector(column, l)}`,
    `bias = ${python(bias ?? 0, l)}`,
    "",
    `shares = (concat * column).reshape(${heads}, -1).sum(1)`,
    say("shares", "shares", l),
    say("output", "shares.sum() + bias", l),
  ],
  // A residual sum and its norm.
  layer: (step, l) => [
    ...normHead(step, l),
    "normalised = (total - total.mean()) / " + `(${l.variance("total")} + ${python(step.eps, l)}) ** 0.5`,
    "result = normalised * gamma + beta",
    say("residual", "x + sublayer", l),
    say("norm", "result", l),
  ],
  rms: (step, l) => [
    ...normHead(step, l),
    `normalised = total / ((total * total).mean() + ${python(step.eps, l)}) ** 0.5`,
    "result = normalised * gamma",
    say("residual", "x + sublayer", l),
    say("norm", "result", l),
  ],
  batch: (step, l) => [
    ...normHead(step, l),
    `mean = ${vector(step.mean, l)}`,
    `variance = ${vector(step.variance, l)}`,
    `result = (total - mean) / (variance + ${python(step.eps, l)}) ** 0.5 * gamma + beta`,
    say("residual", "x + sublayer", l),
    say("norm", "result", l),
  ],
  // One number of the feed-forward layer's output, from its inner numbers.
  feed_forward: ({ hidden, column, bias }, l) => [
    `hidden = ${vector(hidden, l)}`,
    `column = ${vector(column, l)}`,
    `bias = ${python(bias, l)}`,
    say("zeros", "(hidden == 0).sum()", l),
    say("output", "(hidden * column).sum() + bias", l),
  ],
};

function normHead({ x, sublayer, scale, shift, normFirst }, l) {
  return [
    `x = ${vector(x, l)}`,
    `sublayer = ${vector(sublayer, l)}`,
    `gamma = ${vector(scale, l)}`,
    ...(shift ? [`beta = ${vector(shift, l)}`] : []),
    "",
    normFirst ? "total = x" : "total = x + sublayer",
  ];
}
