// A walk through the page, for a lecture.

import { $ } from "./dom.js";

const STOPS = [
  { title: "A network without a centre", text: "Thousands of programs keep a table of keys and values together, and none of them knows them all. Khashmir is such a network, after Kademlia (2002). This tour shows how a value is found all the same.", show: ".ring" },
  { title: "IDs on a ring", text: "Every node has an ID of 160 bits: the hash of its public key, so nobody can choose one that belongs to another. The star is the node that we look from; the lines lead to those it knows.", show: ".ring", tab: "lookup" },
  { title: "Near is well known", text: "The band around the ring has the buckets: half of all IDs in one, a quarter in the next, and so on towards us. Each bucket has room for about as many contacts: so a node knows its neighbourhood well, and of the far half only a few.", show: ".panel", tab: "buckets" },
  { title: "A lookup converges", text: "We look for the nodes closest to a key. The best that we know are asked, four at a time; each names closer ones, which are asked in turn. Watch the shortlist: the closest move up, and share more and more bits with the key.", show: ".panel", tab: "lookup", act: "find" },
  { title: "Step by step", text: "Pause, and go back and forth with the arrow keys. The sentence says what happened, the plot how close it came. It is over when the 8 closest have answered and none of them knows of a closer one.", show: "#play", tab: "lookup" },
  { title: "A value is stored", text: "To store a value is a lookup for its key; then the 8 closest nodes are asked to commit it. All who look for the key will come to the same nodes.", show: ".panel", tab: "lookup", act: "store" },
  { title: "And found by anybody", text: "Another lookup, which asks those on its way for the value too. It does not matter who asks: distance is the same for all.", show: ".panel", tab: "lookup", act: "get" },
  { title: "Who holds what", text: "What the node holds for others, and how long each entry will live unless its publisher stores it again. The holders of a key compare what they hold, and hand over what one of them lacks.", show: ".panel", tab: "store" },
  { title: "Nodes die", text: "Kill a node: it becomes a cross. Those that ask it get no answer and forget it, and the values that it held come back to 8 holders, because the next closest is handed a copy. Start it again and it is who it was.", show: "#controls", tab: "nodes", testnet: true },
  { title: "The network is cut", text: "Cut it in two halves: circles and squares. Both halves live on and store values. Heal the cut: the halves find each other again, and hand over what the other lacks.", show: "#controls", tab: "nodes", testnet: true },
  { title: "It is never silent", text: "All the while nodes refresh their buckets, compare what they hold, and answer each other. Here is every question that was answered.", show: ".panel", tab: "traffic" },
  { title: "To read on", text: "The paper has five pages worth reading: Maymounkov and Mazières, Kademlia (IPTPS 2002). In the source, begin with lookup/lookup.go, then ktable/table.go, then khashmir/publish.go. The words are explained under “Words”.", show: ".tools" },
];

const EXAMPLE = "a lecture";

export class Tour {
  constructor(world, player, openTab) {
    Object.assign(this, { world, player, openTab, at: 0 });
    $("tour-open").addEventListener("click", () => this.#go(0));
    $("tour-back").addEventListener("click", () => this.#go(this.at - 1));
    $("tour-next").addEventListener("click", () => this.#go(this.at + 1));
    $("tour-close").addEventListener("click", () => this.#end());
    $("tour").addEventListener("keydown", (e) => { if (e.key === "Escape") this.#end(); });
  }

  get stops() { return STOPS.filter((s) => !s.testnet || this.world.testnet); }

  #go(at) {
    const { stops } = this;
    if (at < 0) return;
    if (at >= stops.length) { this.#end(); return; }
    this.at = at;
    const stop = stops[at];
    if (stop.tab) this.openTab(stop.tab);
    if (stop.act) this.player.look(stop.act, EXAMPLE);
    this.#mark(stop.show);
    $("tour").hidden = false;
    $("tour-title").textContent = stop.title;
    $("tour-text").textContent = stop.text;
    $("tour-count").textContent = `${at + 1} of ${stops.length}`;
    $("tour-back").disabled = at === 0;
    $("tour-next").textContent = at === stops.length - 1 ? "Done" : "Next";
    $("tour-title").focus();
  }

  #mark(selector) {
    for (const old of document.querySelectorAll(".toured")) old.classList.remove("toured");
    if (selector) document.querySelector(selector)?.classList.add("toured");
  }

  #end() {
    $("tour").hidden = true;
    this.#mark(null);
    $("tour-open").focus();
  }
}
