// Elements from code: text only ever becomes a text node, so no word of a user can turn into markup.

// Names of the two other vocabularies, not addresses: nothing is loaded from them.
const SVG = "http://www.w3.org/2000/svg";
const MATH = "http://www.w3.org/1998/Math/MathML";

/** An HTML element. props: attributes, "onclick" and other handlers, `dataset`, `css` (custom properties). */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

/** The same for MathML. */
export function m(tag, props = {}, ...children) {
  return filled(document.createElementNS(MATH, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "css") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** A piece of text in the language of its side; the browser finds its direction. */
export function said(text, lang, props = {}) {
  return h("bdi", { lang: lang || null, dir: "auto", ...props }, text);
}

/** Words that only a screen reader says. */
export function unseen(...children) {
  return h("span", { class: "unseen" }, ...children);
}

/** True while the user types, chooses or edits: keys belong to the field then. */
export function isField(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** The nearest scroll-free size of an element, once it is on the page and whenever it changes. */
export function onResize(element, call) {
  let last = -1;
  const watcher = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width && width !== last) call((last = width));
  });
  watcher.observe(element);
  return watcher;
}

/** False if the user asked the system for less motion. */
export function mayMove() {
  return !matchMedia("(prefers-reduced-motion: reduce)").matches;
}
