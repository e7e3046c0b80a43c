// What is on the screen as a file: the picture as SVG or PNG, the numbers as CSV or JSON.

const LOOK = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-family", "font-size", "font-weight", "text-anchor",
];

/** A copy of a drawn SVG that looks the same without the page's style sheet. */
export function standalone(drawn) {
  const copy = drawn.cloneNode(true);
  const stage = document.createElement("div");
  stage.className = "unseen";
  stage.append(copy);
  document.body.append(stage); // only an element on the page has a computed style
  for (const element of copy.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    const values = LOOK.map((name) => [name, style.getPropertyValue(name)]);
    element.removeAttribute("class");
    element.removeAttribute("style");
    for (const [name, value] of values) if (value && !element.hasAttribute(name)) element.setAttribute(name, value);
  }
  stage.remove();
  copy.removeAttribute("class");
  return new XMLSerializer().serializeToString(copy);
}

/** The picture in twice its size, as PNG. */
export async function asPng(text, width, height) {
  const image = new Image(width, height);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * width;
  canvas.height = 2 * height;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** A table as CSV. A cell that a spreadsheet would run as a formula gets a quote in front. */
export function asCsv({ columns, rows }) {
  return [columns, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

function csvCell(value) {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : String(value).toLowerCase();
  const text = plain(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A table as JSON: one object, columns and rows; numbers that JSON cannot say become text. */
export function asJson({ columns, rows }, about) {
  const cell = (value) => (typeof value === "number" ? (Number.isFinite(value) ? value : String(value)) : plain(value));
  return JSON.stringify({ ...about, columns: columns.map(plain), rows: rows.map((row) => row.map(cell)) }, null, 1);
}

/** The words of a cell. */
export function plain(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" && "label" in value ? value.label : String(value);
}

/** Hand a file to the user. */
export function save(name, content, type) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
