// The nodes as a table, and what can be done to those of a test network.

import { $, el, announce, many, trouble } from "./dom.js";
import { short } from "./id.js";

const PAGE = 40;
const ABOUT = { See: "See the network from this node", Find: "Look this node up", Kill: "It crashes, without notice", Start: "It starts again, as who it was" };

export class Nodes {
  constructor(world, player, openLookup) {
    Object.assign(this, { world, player, openLookup, first: 0, chosen: null });
    $("nodes-filter").addEventListener("input", () => { this.first = 0; this.draw(); });
    $("nodes-back").addEventListener("click", () => { this.first = Math.max(0, this.first - PAGE); this.draw(); });
    $("nodes-next").addEventListener("click", () => { this.first += PAGE; this.draw(); });
    $("kill").addEventListener("click", () => this.kill(this.#victim()));
    $("start").addEventListener("click", () => this.start(this.#dead()));
    $("cut").addEventListener("click", () => this.#do("cut", { share: 0.5 }, "The network is cut in two halves: circles and squares. No question crosses."));
    $("heal").addEventListener("click", () => this.#do("heal", {}, "The cut is healed. The halves find each other by those they have lost."));
  }

  kill(id) {
    if (!id) return;
    return this.#do("kill", { id }, `${short(id)} is dead. Who asks it will notice, and forget it.`);
  }

  start(id) {
    if (!id) return;
    return this.#do("start", { id }, `${short(id)} is up again, as who it was.`);
  }

  async #do(what, body, said) {
    try {
      await this.world.gateway.ask(`v1/network/${what}`, { method: "POST", json: body });
      announce(said);
      await this.world.askNetwork();
    } catch (problem) {
      trouble(problem.message);
    }
  }

  /** victim is the chosen node, or any but ours. */
  #victim() {
    const { nodes, order, me } = this.world;
    if (this.chosen && nodes.get(this.chosen)?.up) return this.chosen;
    const living = order.filter((id) => nodes.get(id).up && id !== me);
    return living[Math.floor(Math.random() * living.length)];
  }

  #dead() {
    const { nodes, order } = this.world;
    if (nodes.get(this.chosen)?.up === false) return this.chosen;
    return order.find((id) => !nodes.get(id).up);
  }

  /** controls says what can be done now. */
  controls() {
    const { nodes, testnet, cut } = this.world;
    $("controls").hidden = !testnet;
    if (!testnet) return;
    const chosen = nodes.get(this.chosen);
    $("kill").textContent = chosen?.up ? `Kill ${short(chosen.id)}` : "Kill a node";
    $("start").textContent = chosen?.up === false ? `Start ${short(chosen.id)} again` : "Start it again";
    $("start").disabled = ![...nodes.values()].some((n) => !n.up);
    $("cut").textContent = cut ? "Cut elsewhere" : "Cut in two halves";
    $("heal").disabled = !cut;
  }

  draw() {
    const { world } = this, filter = $("nodes-filter").value.trim().toLowerCase();
    const found = world.order.filter((id) => id.startsWith(filter));
    if (this.first >= found.length) this.first = 0;
    const focused = document.activeElement?.closest?.("#nodes button")?.dataset.key;
    $("nodes").tBodies[0].replaceChildren(...found.slice(this.first, this.first + PAGE).map((id) => this.#row(id)));
    if (focused) $("nodes").querySelector(`[data-key="${focused}"]`)?.focus();
    const last = Math.min(found.length, this.first + PAGE);
    $("nodes-sum").textContent = found.length > PAGE ? `${this.first + 1} to ${last} of ${many(found.length, "node")}` : many(found.length, "node");
    $("nodes-back").disabled = this.first === 0;
    $("nodes-next").disabled = last >= found.length;
  }

  #row(id) {
    const { world } = this, n = world.nodes.get(id), state = world.state(id);
    const side = world.cut ? `, side ${n.side ? "B" : "A"}` : "";
    const button = (text, key, f) => el("button", { type: "button", class: "small", "data-key": `${key}-${id}`, "aria-label": `${text === "See" ? "See the network from" : text} ${short(id)}`, title: ABOUT[text], click: f }, text);
    return el("tr", { "data-id": id },
      el("td", { class: "mono" }, `${id.slice(0, 12)}…`),
      el("td", {}, el("span", { class: `state ${state}` }, { me: "★ ours", down: "✕ down", good: "● good", stale: "○ stale", bad: "⊘ bad", other: "· not in our table" }[state]), side),
      el("td", { class: "num" }, n.contacts === undefined || !n.up ? "" : String(n.contacts)),
      el("td", { class: "num" }, n.entries === undefined || !n.up ? "" : String(n.entries)),
      el("td", {}, ...this.buttons(id, button)));
  }

  /** buttons are what can be done to or with a node. */
  buttons(id, button) {
    const { world } = this, n = world.nodes.get(id), all = [];
    if (world.testnet && n.up && id !== world.me) all.push(button("See", "see", () => world.lookFrom(id)), " ");
    if (n.up && id !== world.me && world.mine?.up !== false) all.push(button("Find", "look", () => { this.openLookup(); this.player.look("find", id); }), " ");
    if (world.testnet) all.push(n.up ? button("Kill", "kill", () => this.kill(id)) : button("Start", "start", () => this.start(id)));
    return all;
  }
}
