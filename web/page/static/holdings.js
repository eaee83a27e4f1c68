// What the node holds: a page of keys at a time.

import { $, el, many, size, span } from "./dom.js";
import { short, shared } from "./id.js";

const PAGE = 40, EVERY = 3000; // keys; ms

export class Holdings {
  constructor(world, player, openLookup) {
    Object.assign(this, { world, player, openLookup, from: "", next: "" });
    $("store-first").addEventListener("click", () => this.#turn(""));
    $("store-next").addEventListener("click", () => this.#turn(this.next));
    setInterval(() => { if (!$("panel-store").hidden && !document.hidden) this.ask(); }, EVERY);
  }

  #turn(from) { this.from = from; this.ask(); }

  begin() { this.from = ""; }

  async ask() {
    const { world, from } = this, { me } = world;
    if (!me || world.mine?.up === false) { this.#empty("The node is down: nobody can ask it what it holds."); return; }
    let page;
    try {
      page = await world.gateway.ask(`${world.base}/holdings?limit=${PAGE}${from ? `&from=${from}` : ""}`);
    } catch (problem) { this.#empty(problem.message); return; }
    if (me === world.me && from === this.from) this.#draw(page);
  }

  #empty(why) {
    $("store-sum").textContent = why;
    $("holdings").tBodies[0].replaceChildren();
  }

  #draw(page) {
    const { me, status } = this.world, now = Date.now();
    const longest = Math.max(60e3, ...page.holdings.map((h) => Date.parse(h.latest) - now));
    $("store-sum").textContent = page.holdings.length === 0 ? "It holds nothing yet. Store a value and look at one of its holders."
      : status ? `${many(status.entries, "entry", "entries")}, ${size(status.bytes)}; room for ${many(status.max_entries, "entry", "entries")} and ${size(status.max_bytes)}.` : "";
    $("holdings").tBodies[0].replaceChildren(...page.holdings.map((h) => this.#row(h, me, now, longest)));
    this.next = page.next ?? "";
    $("store-next").disabled = !this.next;
    $("store-first").disabled = !this.from;
  }

  #row(h, me, now, longest) {
    const soonest = Date.parse(h.soonest) - now, latest = Date.parse(h.latest) - now;
    const bar = el("span", { class: "meter", "aria-hidden": true }, el("i", { class: "most" }), el("i"));
    bar.children[0].style.width = `${100 * latest / longest}%`;
    bar.children[1].style.width = `${100 * soonest / longest}%`;
    return el("tr", {},
      el("td", { class: "mono" }, el("button", { type: "button", class: "plain", title: "Get what is under it", click: () => { this.openLookup(); this.player.look("get", h.key); } }, `${h.key.slice(0, 16)}…`)),
      el("td", { class: "num" }, String(shared(h.key, me))),
      el("td", { class: "num" }, String(h.entries)),
      el("td", { class: "num" }, size(h.bytes)),
      el("td", {}, bar, soonest === latest ? span(latest) : `${span(soonest)} to ${span(latest)}`));
  }
}
