// The page: its parts, and how they hear of each other.

import { $, el, announce, trouble, many } from "./dom.js";
import { short } from "./id.js";
import { Gateway, takeToken } from "./api.js";
import { World } from "./world.js";
import { Ring } from "./ring.js";
import { Player } from "./player.js";
import { Buckets } from "./buckets.js";
import { Holdings } from "./holdings.js";
import { Traffic } from "./traffic.js";
import { Nodes } from "./nodes.js";
import { Tour } from "./tour.js";
import { startTheme, colours } from "./theme.js";
import { shape, kindOf, colourOf } from "./shapes.js";

const TABS = ["lookup", "buckets", "store", "traffic", "nodes"];
const SUGGESTED = 200; // IDs

const world = new World(new Gateway(takeToken()));
const ring = new Ring($("ring"), world);
const player = new Player(world, ring);
const openLookup = () => openTab("lookup");
const buckets = new Buckets(world);
const holdings = new Holdings(world, player, openLookup);
const traffic = new Traffic(world, ring);
const nodes = new Nodes(world, player, openLookup);
new Tour(world, player, openTab);

// The tabs.

function openTab(name, focus = false) {
  for (const tab of TABS) {
    const chosen = tab === name;
    $(`tab-${tab}`).setAttribute("aria-selected", chosen);
    $(`tab-${tab}`).tabIndex = chosen ? 0 : -1;
    $(`panel-${tab}`).hidden = !chosen;
  }
  if (focus) $(`tab-${name}`).focus();
  player.onRing(name === "lookup");
  drawPanel();
}

function drawPanel() {
  if (!$("panel-buckets").hidden) buckets.draw();
  if (!$("panel-store").hidden) holdings.ask();
  if (!$("panel-traffic").hidden) traffic.draw();
  if (!$("panel-nodes").hidden) nodes.draw();
}

TABS.forEach((name, i) => {
  $(`tab-${name}`).addEventListener("click", () => openTab(name));
  $(`tab-${name}`).addEventListener("keydown", (e) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: TABS.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    openTab(TABS[(to + TABS.length) % TABS.length], true);
  });
});

// What changes.

let before = new Map(); // who was up

world.addEventListener("change", ({ detail }) => {
  if (detail === "me") { player.close(); holdings.begin(); ring.focusOn(null); choose(null); announce(`Seen from ${short(world.me)}`); }
  if (detail === "network") notice();
  heads();
  nodes.controls();
  ring.redraw();
  if (detail === "table" && !$("panel-buckets").hidden) buckets.draw();
  if (!$("panel-nodes").hidden && detail !== "status") nodes.draw();
  if (detail === "me") drawPanel();
});

/** notice says who has gone, and who has come back. */
function notice() {
  for (const [id, n] of world.nodes) {
    if (before.has(id) && before.get(id) !== n.up) announce(`${short(id)} is ${n.up ? "up again" : "down"}`);
  }
  before = new Map([...world.nodes].map(([id, n]) => [id, n.up]));
}

function heads() {
  const { testnet, nodes: all, cut, status } = world;
  const up = [...all.values()].filter((n) => n.up).length;
  $("mode").textContent = testnet ? `test network, ${up === all.size ? many(up, "node") : `${up} of ${many(all.size, "node")} up`}${cut ? ", cut in two" : ""}`
    : `one node${status?.network ? ` of about ${status.network.toLocaleString("en")}` : ""}`;
  document.title = `Khashmir: ${$("mode").textContent}`;
  $("ring-count").textContent = testnet ? `${many(world.members.size, "contact")} of ${short(world.me)}…` : `${many(all.size, "node")} known`;
  $("me-choice").hidden = !testnet;
  if (document.activeElement !== $("me-id")) $("me-id").value = short(world.me);
  const bad = (status?.health ?? []).filter((c) => c.state !== "ok");
  $("health").hidden = bad.length === 0;
  $("health").className = `badge ${bad.some((c) => c.state === "failed") ? "failed" : "warning"}`;
  $("health").textContent = bad.map((c) => c.name).join(", ");
  $("health").title = bad.map((c) => `${c.says} ${c.do ?? ""}`).join("\n");
  suggest();
  legend();
}

let suggested = "";

function suggest() {
  const ids = world.order.slice(0, SUGGESTED).map(short);
  if (ids.join() === suggested) return;
  suggested = ids.join();
  $("me-list").replaceChildren(...ids.map((id) => el("option", { value: id })));
}

$("me-id").addEventListener("change", (e) => {
  const start = e.target.value.trim().toLowerCase();
  const found = world.order.find((id) => id.startsWith(start));
  if (start && found) { trouble(null); world.lookFrom(found); } else announce(`No node begins with ${start}`);
});

let shownLegend = "", painted = colours();

function legend() {
  const entries = [["me", 0, "seen from"], ["good", 0, "good contact"], ["stale", 0, "stale"], ["bad", 0, "bad"]];
  if (world.testnet) entries.push(["other", 0, "not in its table"], ["down", 0, "down"]);
  if (world.cut) entries.splice(1, 1, ["good", 0, "contact on side A"], ["good", 1, "contact on side B"]);
  if (ring.holders.size) entries.push(["holder", 0, "holds the key"]);
  const c = painted, key = JSON.stringify([entries, c.ink, c.page]);
  if (key === shownLegend) return;
  shownLegend = key;
  $("legend").replaceChildren(...entries.map(([state, side, text]) => {
    const glyph = el("canvas", { width: 32, height: 32, "aria-hidden": true }), g = glyph.getContext("2d");
    g.scale(2, 2);
    shape(g, kindOf(state, side), 8, 8, state === "other" ? 3.2 : state === "me" ? 5 : 4.6, colourOf(state, side, c), c.card);
    return el("li", {}, glyph, text);
  }));
}

// The ring under the pointer and the keys.

const canvas = $("ring"), card = $("card");

function choose(id, glance = false) {
  nodes.chosen = glance ? nodes.chosen : id;
  card.hidden = !id;
  card.classList.toggle("glance", glance);
  nodes.controls();
  if (!id) return;
  const n = world.nodes.get(id), lines = [ring.describe(id)];
  if (n.addr) lines.push(n.addr);
  if (n.contacts !== undefined) lines.push(`${many(n.contacts, "contact")}, ${many(n.entries, "entry", "entries")}${world.cut ? `, side ${n.side ? "B" : "A"}` : ""}`);
  const button = (text, _key, f) => el("button", { type: "button", class: "small", "aria-label": text === "See" ? "See the network from it" : null, click: () => { f(); if (text !== "Kill" && text !== "Start") choose(null); } }, text);
  card.replaceChildren(el("h3", {}, id), ...lines.map((l) => el("p", {}, l)));
  if (!glance) card.append(el("p", { class: "buttons" }, ...nodes.buttons(id, button), button("Close", "", () => { ring.focusOn(null); canvas.focus(); })));
  place(id);
}

function place(id) {
  const p = ring.places.get(id);
  if (!p) return;
  const stage = canvas.getBoundingClientRect(), w = card.offsetWidth, h = card.offsetHeight;
  const inward = (at, middle, length) => (at < middle ? at + 14 : at - length - 14);
  card.style.left = `${Math.max(0, Math.min(stage.width - w, inward(p.x, ring.x, w)))}px`;
  card.style.top = `${Math.max(0, Math.min(stage.height - h, inward(p.y, ring.y, h)))}px`;
}

canvas.addEventListener("pointermove", (e) => {
  if (nodes.chosen) return;
  const id = ring.at(e.offsetX, e.offsetY);
  if (id === ring.focus) return;
  ring.focusOn(id);
  choose(id, true);
});
canvas.addEventListener("pointerleave", () => { if (!nodes.chosen) { ring.focusOn(null); choose(null); } });
canvas.addEventListener("click", (e) => {
  const id = ring.at(e.offsetX, e.offsetY);
  ring.focusOn(id);
  choose(id);
});
canvas.addEventListener("keydown", (e) => {
  const { order } = world, at = order.indexOf(ring.focus ?? world.me);
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
  let id = ring.focus;
  if (step) id = order[(at + step + order.length) % order.length];
  else if (e.key === "Home") id = world.me;
  else if (e.key === "Escape") id = null;
  else if (e.key === "Enter" && id && id !== world.me) { openLookup(); player.look("find", id); e.preventDefault(); return; }
  else if (e.key === "m" && id) { world.lookFrom(id); return; }
  else return;
  e.preventDefault();
  ring.focusOn(id);
  choose(id);
  if (id) announce(ring.describe(id));
});

// Help.

$("glossary-open").addEventListener("click", () => $("glossary").showModal());

// And off it goes.

startTheme(() => { painted = colours(); ring.recolour(painted); legend(); });
world.start((problem) => trouble(problem && (problem.status === 401 ? "This gateway wants its token: open the address that it printed, with ?token=…" : problem.message ?? String(problem))))
  .catch(() => {});
world.gateway.follow("v1/events", { signal: new AbortController().signal, state: (on) => { traffic.connected = on; }, on: (name, e) => traffic.hear(name, e) });
