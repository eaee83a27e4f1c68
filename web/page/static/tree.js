// The routing table as the tree that it is: it forks at each bit, and only the
// side that our own ID is on forks again. 0 is to the left, 1 to the right.

import { svg, many } from "./dom.js";

const TOP = 14, LEVEL = 24, BOTTOM = 22; // px
const SHRINK = 0.66;   // how much narrower each fork is than the one above
const MOST_FORKS = 14; // that are drawn; the rest is said

export function drawTree(figure, table, me) {
  const { buckets } = table, width = figure.clientWidth || 560;
  const forks = Math.min(buckets.length - 1, MOST_FORKS), height = TOP + LEVEL * Math.max(1, forks) + BOTTOM;
  const lines = [], marks = [];
  let x = width / 2, y = TOP, reach = width * 0.24;
  for (let i = 0; i < forks; i++) {
    const bucket = buckets[i], right = bucket.prefix.endsWith("1");
    const there = x + (right ? reach : -reach), here = x - (right ? reach : -reach), down = y + LEVEL;
    lines.push(svg("path", { class: "far", d: `M${x} ${y}L${there} ${down}` }), svg("path", { class: "own", d: `M${x} ${y}L${here} ${down}` }));
    marks.push(leaf(bucket, there, down, right, table.k));
    x = here; y = down; reach *= SHRINK;
  }
  const last = buckets[forks];
  marks.push(svg("text", { class: "us", x, y: y + 5, "text-anchor": "middle" }, "★"));
  if (last) marks.push(svg("text", { x, y: y + 18, "text-anchor": "middle" }, `${buckets.length - 1 > forks ? `${buckets.length - 1 - forks} more forks, ` : ""}ours, ${many(last.contacts.length, "contact")}`));
  figure.style.height = `${height}px`;
  figure.setAttribute("viewBox", `0 0 ${width} ${height}`);
  figure.setAttribute("aria-label", `The table as a tree of ${many(buckets.length, "bucket")}: it forks ${many(buckets.length - 1, "time")} towards our own ID, ${me.slice(0, 8)}`);
  figure.replaceChildren(...lines, ...marks);
}

/** leaf is a bucket: the fuller, the more of the square is filled. */
function leaf(bucket, x, y, right, k) {
  const part = Math.min(1, bucket.contacts.length / k), size = 13;
  return svg("g", {},
    svg("rect", { class: "box", x: x - size / 2, y: y - size / 2, width: size, height: size, rx: 2 }),
    svg("rect", { class: "fill", x: x - size / 2, y: y + size / 2 - size * part, width: size, height: size * part, rx: 2 }),
    svg("text", { x: right ? x + 11 : x - 11, y: y + 4, "text-anchor": right ? "start" : "end" }, `${bucket.prefix.length > 12 ? `…${bucket.prefix.slice(-8)}` : bucket.prefix}… ${bucket.contacts.length}`));
}
