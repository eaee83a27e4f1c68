// IDs and keys: 160 bits as 40 hexadecimal digits, and the distance between
// them. Equally long hexadecimal numbers compare as strings.

export const BITS = 160;

export const isID = (text) => /^[0-9a-f]{40}$/i.test(text);

export const short = (id) => id.slice(0, 8);

/** keyOf is the gateway's rule: 40 hex digits are an ID, all else is hashed. It
 * is null where the browser does not hash (a page over plain HTTP from afar). */
export async function keyOf(text) {
  if (isID(text)) return text.toLowerCase();
  if (!globalThis.crypto?.subtle) return null;
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** distance is the XOR, as 40 hexadecimal digits. */
export function distance(a, b) {
  let d = "";
  for (let i = 0; i < 40; i += 8) {
    const x = parseInt(a.slice(i, i + 8), 16) ^ parseInt(b.slice(i, i + 8), 16);
    d += (x >>> 0).toString(16).padStart(8, "0");
  }
  return d;
}

/** shared is how many leading bits a and b have in common. */
export function shared(a, b) {
  for (let i = 0; i < 40; i++) {
    const x = parseInt(a[i], 16) ^ parseInt(b[i], 16);
    if (x !== 0) return i * 4 + Math.clz32(x) - 28;
  }
  return BITS;
}

/** log2 is that of the distance between a and b; -1 where there is none. */
export function log2(a, b) {
  const d = distance(a, b);
  const first = d.search(/[^0]/);
  if (first < 0) return -1;
  const digits = d.slice(first, first + 12);
  return Math.log2(parseInt(digits, 16)) + 4 * (40 - first - digits.length);
}

/** closer sorts by distance to target. */
export function closer(target) {
  return (a, b) => {
    const x = distance(a.id, target), y = distance(b.id, target);
    return x < y ? -1 : x > y ? 1 : 0;
  };
}

/** turn is where on the circle an ID lies: 0 to 1, clockwise from the top. */
export const turn = (id) => parseInt(id.slice(0, 12), 16) / 2 ** 48;

/** bits are the first n of an ID, as text. */
export function bits(id, n) {
  let text = "";
  for (let i = 0; i * 4 < n; i++) text += parseInt(id[i], 16).toString(2).padStart(4, "0");
  return text.slice(0, n);
}
