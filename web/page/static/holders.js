// Who holds a key at this moment. In a test network it can be seen; in a real one
// nobody knows but by asking for the values.

import { closer } from "./id.js";
import { $, many } from "./dom.js";

const NEAR = 16;    // nodes, the closest to the key, that are asked: twice as many as should hold it
const EVERY = 2000; // ms

export class Holders {
  constructor(world, ring) {
    Object.assign(this, { world, ring, key: null });
    setInterval(() => { if (this.key && !document.hidden) this.#ask(this.key); }, EVERY);
  }

  /** watch goes on asking who holds key; null: nothing is of interest. */
  watch(key) {
    if (!this.world.testnet) key = null;
    if (key === this.key) return;
    this.key = key;
    $("held").hidden = true;
    this.ring.holds(new Set());
    if (key) this.#ask(key);
  }

  async #ask(key) {
    const { gateway, nodes } = this.world;
    const near = [...nodes.values()].filter((n) => n.up).sort(closer(key)).slice(0, NEAR);
    const holds = await Promise.all(near.map((n) => gateway.ask(`at/${n.id}/v1/holdings?from=${key}&limit=1`)
      .then((page) => page.holdings[0]?.key === key, () => false)));
    if (key !== this.key) return;
    const ids = near.filter((_, i) => holds[i]).map((n) => n.id);
    $("held").hidden = false;
    $("held").dataset.ids = ids.join(" ");
    $("held").textContent = ids.length ? `Held at this moment by ${many(ids.length, "node")} (◆ on the ring).` : "Held by nobody at this moment.";
    this.ring.holds(new Set(ids));
  }
}
