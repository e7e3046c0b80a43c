// What the page remembers: the pair of languages and the looks for good, an API key until the tab is closed, texts never.

function read(store, name) {
  try {
    return window[store].getItem(`polyglass.${name}`) ?? "";
  } catch {
    return ""; // a browser that keeps nothing
  }
}

function write(store, name, value) {
  try {
    if (value) window[store].setItem(`polyglass.${name}`, value);
    else window[store].removeItem(`polyglass.${name}`);
  } catch {
    // It works without.
  }
}

export const remembered = (name) => read("localStorage", name);
export const remember = (name, value) => write("localStorage", name, value);
export const key = () => read("sessionStorage", "key");
export const keepKey = (value) => write("sessionStorage", "key", value);
