// Elements. Text is only ever set as text: nothing here reads HTML.

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** el makes an element: el("td", {class: "num"}, "7"). A property that is a
 * function is a listener; null children are left out. */
export function el(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** svg is el for drawings. */
export function svg(name, properties, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

function fill(node, properties, children) {
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

let pending;

/** announce says something to who does not see it. */
export function announce(text) {
  clearTimeout(pending);
  pending = setTimeout(() => { $("announce").textContent = text; }, 100);
}

/** trouble shows what went wrong, until it is over or was seen. */
export function trouble(text) {
  const box = $("trouble");
  box.hidden = !text;
  if (box.textContent !== (text ?? "")) box.textContent = text ?? "";
}

/** span is milliseconds in words: 23 h 59 min. */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

/** size is bytes in words. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1 << 20) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1 << 30) return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

/** took is a time that was measured, in milliseconds. */
export const took = (ms) => (ms < 0.1 ? "under 0.1 ms" : ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`);

/** many is a count with its word: 1 node, 2 nodes. */
export const many = (n, one, more = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : more}`;
