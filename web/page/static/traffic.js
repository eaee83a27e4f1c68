// What goes on: how much of it, and the last of it. All of it is bounded.

import { $, el, svg } from "./dom.js";
import { short } from "./id.js";

const SECONDS = 60, LINES = 200, DRAWN = 80, EVERY = 500; // ms
const MAX_METHODS = 16;

export class Traffic {
  constructor(world, ring) {
    Object.assign(this, { world, ring, methods: new Map(), lines: [], past: [], dropped: 0, total: 0, held: false, connected: false });
    this.second = this.#fresh();
    $("traffic-pause").addEventListener("click", (e) => {
      this.held = !this.held;
      e.target.setAttribute("aria-pressed", this.held);
      e.target.textContent = this.held ? "Go on" : "Hold still";
    });
    setInterval(() => this.#turn(), 1000);
    setInterval(() => { if (!this.held && !$("panel-traffic").hidden && !document.hidden) this.draw(); }, EVERY);
  }

  #fresh() { return { all: 0, methods: new Map() }; }

  #turn() {
    this.past.push(this.second);
    if (this.past.length > SECONDS) this.past.shift();
    this.second = this.#fresh();
  }

  /** hear takes an event of the gateway's. */
  hear(name, e) {
    const node = e.node ?? this.world.me;
    if (e.served) this.#served(node, e.served);
    else if (e.dropped) this.dropped += e.dropped;
    else if (e.lookup) this.#line(`${short(node)} has ended a lookup for ${short(e.lookup.target)}: ${e.lookup.questions} questions, ${e.lookup.hops} hops`, Boolean(e.lookup.error));
    else if (e.met) this.#line(`${short(node)} has met ${short(e.met.id)}`);
    else if (e.lost) this.#line(`${short(node)} has lost ${short(e.lost.id)}: it answers no more`, true);
    else if (e.step?.kind === "failed") this.#line(`${short(node)} has no answer of ${short(e.step.contact.id)}`, true);
  }

  #served(node, s) {
    this.total++;
    this.second.all++;
    const method = this.methods.has(s.method) || this.methods.size < MAX_METHODS ? s.method : "others";
    this.methods.set(method, (this.methods.get(method) ?? 0) + 1);
    this.second.methods.set(method, (this.second.methods.get(method) ?? 0) + 1);
    this.#line(`${short(node)} ← ${s.method.padEnd(11)} ${s.target ? short(s.target) : "        "} from ${short(s.from.id)}${s.refusal ? `: refused, ${s.refusal}` : ""}`, s.refusal > 0);
    this.ring.pulse(s.from.id, node);
  }

  #line(text, bad = false) {
    this.lines.unshift({ at: new Date(), text, bad });
    if (this.lines.length > LINES) this.lines.pop();
  }

  draw() {
    const recent = this.past.slice(-5), rate = (f) => recent.reduce((sum, s) => sum + f(s), 0) / Math.max(1, recent.length);
    $("traffic-sum").textContent = `${this.connected ? "" : "Not connected. "}${rate((s) => s.all).toFixed(1)} answers a second${this.world.testnet ? " in the whole network" : ""}, ${this.total.toLocaleString("en")} since the page was opened${this.dropped ? `; ${this.dropped.toLocaleString("en")} events were too many to be told` : ""}.`;
    this.#spark();
    const rows = [...this.methods.entries()].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    $("rates").tBodies[0].replaceChildren(...rows.map(([method, count]) => {
      const bar = el("span", { class: "meter", "aria-hidden": true }, el("i"));
      bar.firstChild.style.width = `${100 * count / this.total}%`;
      return el("tr", {}, el("td", { class: "mono" }, method), el("td", { class: "num" }, rate((s) => s.methods.get(method) ?? 0).toFixed(1)),
        el("td", { class: "num" }, count.toLocaleString("en")), el("td", {}, bar, `${Math.round(100 * count / this.total)} %`));
    }));
    $("log").replaceChildren(...this.lines.slice(0, DRAWN).map((l) => el("li", { class: l.bad ? "bad" : null }, `${l.at.toLocaleTimeString("en-GB")} ${l.text}`)));
  }

  #spark() {
    const figure = $("spark"), width = figure.clientWidth || 500, height = figure.clientHeight || 60;
    const most = Math.max(4, ...this.past.map((s) => s.all)), first = SECONDS - this.past.length;
    const x = (i) => width * (first + i) / (SECONDS - 1), y = (n) => height - 2 - (height - 16) * n / most;
    const top = this.past.map((s, i) => `L${x(i).toFixed(1)} ${y(s.all).toFixed(1)}`).join("");
    figure.setAttribute("viewBox", `0 0 ${width} ${height}`);
    figure.replaceChildren(svg("path", { d: `M${x(0)} ${height}${top}V${height}Z` }), svg("text", { x: 2, y: 10 }, `${most.toLocaleString("en")} a second`), svg("text", { x: width - 2, y: 10, "text-anchor": "end" }, "the last minute"));
  }
}
