// The plot of a lookup: how many leading bits those share with the key that
// answered, one after another, and the best so far.

import { svg } from "./dom.js";
import { shared } from "./id.js";

const LEFT = 30, RIGHT = 8, TOP = 8, BOTTOM = 18;
const GRID = 4; // lines at most

export function drawPlot(figure, recording, frame, jump) {
  const width = figure.clientWidth || 360, height = figure.clientHeight || 130;
  const all = recording.answers;
  const most = Math.max(8, ...all.map((b) => b.bits)), last = Math.max(1, recording.last);
  const x = (at) => LEFT + (width - LEFT - RIGHT) * at / last;
  const y = (bits) => height - BOTTOM - (height - TOP - BOTTOM) * bits / most;
  const parts = [];
  const every = Math.ceil(most / GRID);
  for (let bits = 0; bits <= most; bits += every) {
    parts.push(svg("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: y(bits), y2: y(bits) }),
      svg("text", { x: LEFT - 5, y: y(bits) + 4, "text-anchor": "end" }, String(bits)));
  }
  parts.push(svg("text", { x: width - RIGHT, y: height - 4, "text-anchor": "end" }, `step ${frame.at} of ${recording.last}`));
  parts.push(svg("text", { x: LEFT, y: height - 4 }, "bits"));
  let best = recording.seed.length ? shared(recording.seed[0].id, recording.target) : 0;
  let line = `M${x(0)} ${y(0)}`, high = 0;
  for (const b of all) {
    if (b.at > frame.at) break;
    if (b.bits > high) { line += `H${x(b.at)}V${y(b.bits)}`; high = b.bits; }
  }
  line += `H${x(Math.min(frame.at, last))}`;
  parts.push(svg("path", { class: "best", d: line }));
  parts.push(svg("line", { class: "now", x1: x(frame.at), x2: x(frame.at), y1: TOP, y2: height - BOTTOM }));
  for (const b of all) {
    const dot = svg("circle", { class: b.at <= frame.at ? "dot" : "dot off", cx: x(b.at), cy: y(b.bits), r: 3.5, click: () => jump(b.at) });
    dot.append(svg("title", {}, `${b.id.slice(0, 8)}: ${b.bits} bits`));
    parts.push(dot);
  }
  figure.setAttribute("viewBox", `0 0 ${width} ${height}`);
  figure.setAttribute("aria-label", `Leading bits shared with the key: ${high} so far, ${best} to begin with`);
  figure.replaceChildren(...parts);
}
