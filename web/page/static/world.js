// What is known of the network: one daemon and its contacts, or all nodes of a
// test network. It asks the gateway from time to time and says "change".

const NETWORK_EVERY = 2000, TABLE_EVERY = 2000, STATUS_EVERY = 5000; // ms
const MAX_HEARD = 2000; // nodes that were only heard of, in a lookup

export class World extends EventTarget {
  constructor(gateway) {
    super();
    this.gateway = gateway;
    this.mode = "";
    this.cut = false;
    this.me = "";
    this.nodes = new Map(); // by ID: {id, addr, up, side, contacts, entries, heard}
    this.order = [];        // their IDs, ascending
    this.table = { k: 8, buckets: [] };
    this.members = new Map(); // by ID: the state in my table
    this.status = null;
  }

  get testnet() { return this.mode === "testnet"; }

  /** base is where the API of the node is that we look from. */
  get base() { return this.testnet ? `at/${this.me}/v1` : "v1"; }

  get mine() { return this.nodes.get(this.me); }

  /** start asks for all there is, and goes on asking. */
  async start(failed) {
    const again = (what, every) => {
      const run = async () => {
        if (!document.hidden) await what.call(this).then(() => failed(null), failed);
        setTimeout(run, every);
      };
      return run();
    };
    await again(this.askNetwork, NETWORK_EVERY);
    await Promise.all([again(this.askTable, TABLE_EVERY), again(this.askStatus, STATUS_EVERY)]);
  }

  async askNetwork() {
    const network = await this.gateway.ask("v1/network");
    this.mode = network.mode;
    this.cut = Boolean(network.cut);
    const seen = new Set();
    for (const n of network.nodes ?? []) {
      seen.add(n.id);
      this.nodes.set(n.id, { ...n, side: n.side ?? 0, heard: false });
    }
    for (const [id, n] of this.nodes) if (!n.heard && !seen.has(id)) this.nodes.delete(id);
    if (!this.me || !this.nodes.has(this.me)) this.me = (network.nodes.find((n) => n.up) ?? network.nodes[0])?.id ?? "";
    this.#sorted();
    this.#changed("network");
  }

  async askTable() {
    if (!this.me || this.testnet && !this.mine?.up) return;
    const me = this.me, table = await this.gateway.ask(`${this.base}/table`);
    if (me === this.me) this.#learn(table);
  }

  #learn(table) {
    this.table = table;
    this.members.clear();
    for (const bucket of table.buckets) {
      for (const c of bucket.contacts) {
        this.members.set(c.id, c.state);
        this.hear(c, false);
      }
    }
    this.#sorted();
    this.#changed("table");
  }

  async askStatus() {
    if (!this.me || this.testnet && !this.mine?.up) return;
    const me = this.me, status = await this.gateway.ask(`${this.base}/status`);
    if (me !== this.me) return;
    this.status = status;
    this.#changed("status");
  }

  /** hear keeps a node that somebody named. In a test network all are known. */
  hear(contact, sort = true) {
    if (this.nodes.has(contact.id) || this.testnet) return;
    if (this.nodes.size >= MAX_HEARD) {
      for (const [id, n] of this.nodes) if (n.heard && !this.members.has(id)) { this.nodes.delete(id); break; }
      if (this.nodes.size >= MAX_HEARD) return;
    }
    this.nodes.set(contact.id, { id: contact.id, addr: contact.addr, up: true, side: 0, heard: true });
    if (sort) { this.#sorted(); this.#changed("network"); }
  }

  /** lookFrom makes another node of the test network ours. */
  async lookFrom(id) {
    if (!this.testnet || id === this.me || !this.nodes.has(id)) return;
    this.me = id;
    this.members.clear();
    this.table = { k: this.table.k, buckets: [] };
    this.status = null;
    this.#changed("me");
    await Promise.all([this.askTable(), this.askStatus()]);
  }

  /** known are the contacts of my table, for a lookup to begin with. */
  known() { return this.table.buckets.flatMap((b) => b.contacts); }

  /** state is how a node is, in a word: me, down, good, stale, bad or other. */
  state(id) {
    if (this.nodes.get(id)?.up === false) return "down";
    if (id === this.me) return "me";
    return this.members.get(id) ?? "other";
  }

  #sorted() { this.order = [...this.nodes.keys()].sort(); }

  #changed(what) { this.dispatchEvent(new CustomEvent("change", { detail: what })); }
}
