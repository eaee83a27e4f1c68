// The ring: all nodes on a circle by their IDs, and on it what is going on.
// What stays the same from frame to frame is drawn once, beneath.

import { turn, shared } from "./id.js";
import { shape, kindOf, colourOf, ofStep } from "./shapes.js";
import { colours, still } from "./theme.js";

const MARGIN = 44;      // for the band of buckets and its words
const SMALL = 170;      // px of radius: too small for prefixes beside it
const NEAR = 14;        // px: what the pointer means
const PULSE = 900;      // ms that a question is seen
const MAX_PULSES = 60;  // at once
const HOP = 320;        // ms that a question of the lookup travels

export class Ring {
  constructor(canvas, world) {
    this.canvas = canvas;
    this.world = world;
    this.beneath = document.createElement("canvas");
    this.places = new Map(); // by ID: where it is drawn
    this.pulses = [];
    this.frame = null;       // of a lookup
    this.target = null;
    this.holders = new Set();
    this.focus = null;       // an ID
    this.travel = null;
    this.recolour(colours());
    new ResizeObserver(() => this.redraw()).observe(canvas);
    this.redraw();
  }

  recolour(all) { this.colours = all; this.redraw(); }

  /** redraw draws everything anew, soon. */
  redraw() { this.stale = true; this.#soon(); }

  /** show has the ring show a lookup's frame; null: none. */
  show(frame, recording) {
    const moved = frame && this.frame !== frame && frame.step && !frame.ended;
    this.frame = frame;
    this.target = frame ? recording.target : null;
    this.asker = recording?.me;
    this.travel = moved && !still() ? { step: frame.step, begun: performance.now() } : null;
    this.redraw();
  }

  /** holds shows who holds the key of the lookup. */
  holds(ids) { this.holders = ids; this.redraw(); }

  /** pulse shows that a asked b. */
  pulse(a, b) {
    if (still() || document.hidden || this.pulses.length >= MAX_PULSES) return;
    this.pulses.push({ a, b, begun: performance.now() });
    this.#soon();
  }

  focusOn(id) { if (this.focus !== id) { this.focus = id; this.redraw(); } }

  /** at is the node at a point of the canvas, or null. */
  at(x, y) {
    let best = null, least = NEAR * NEAR;
    for (const [id, p] of this.places) {
      const d = (p.x - x) ** 2 + (p.y - y) ** 2;
      if (d < least) [best, least] = [id, d];
    }
    return best;
  }

  #soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame((now) => { this.waiting = false; this.#draw(now); });
  }

  #draw(now) {
    const { canvas } = this, scale = devicePixelRatio || 1;
    const w = canvas.clientWidth, h = canvas.clientHeight;
    if (w === 0 || h === 0) return;
    if (this.stale || canvas.width !== Math.round(w * scale)) {
      for (const c of [canvas, this.beneath]) { c.width = Math.round(w * scale); c.height = Math.round(h * scale); }
      this.x = w / 2; this.y = h / 2; this.r = Math.max(40, Math.min(w, h) / 2 - MARGIN);
      const g = this.beneath.getContext("2d");
      g.setTransform(scale, 0, 0, scale, 0, 0);
      this.#settle();
      this.#drawBeneath(g);
      this.stale = false;
    }
    const g = canvas.getContext("2d");
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, canvas.width, canvas.height);
    g.drawImage(this.beneath, 0, 0);
    g.setTransform(scale, 0, 0, scale, 0, 0);
    this.#drawPulses(g, now);
    this.#drawTravel(g, now);
    if (this.pulses.length || this.travel) this.#soon();
  }

  /** settle gives every node its place; many of them stand in three rows. */
  #settle() {
    const { order } = this.world, many = order.length > 250;
    this.size = order.length > 600 ? 2.4 : many ? 3 : order.length > 90 ? 4 : 5.2;
    this.places.clear();
    order.forEach((id, i) => {
      const r = this.r - (many ? (i % 3) * (3 * this.size) : 0);
      this.places.set(id, this.#point(turn(id), r));
    });
  }

  #point(part, r) {
    const angle = part * 2 * Math.PI - Math.PI / 2;
    return { x: this.x + r * Math.cos(angle), y: this.y + r * Math.sin(angle) };
  }

  #drawBeneath(g) {
    g.clearRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    this.#drawBuckets(g);
    g.lineWidth = 1;
    g.strokeStyle = this.colours.line;
    g.beginPath(); g.arc(this.x, this.y, this.r, 0, 2 * Math.PI); g.stroke();
    if (!this.frame) this.#drawContacts(g);
    if (this.frame) this.#drawLookup(g);
    this.#drawNodes(g);
    if (this.frame) this.#drawAsked(g);
    this.#drawFocus(g);
  }

  #drawBuckets(g) {
    const inner = this.r + 13;
    g.font = "11px system-ui, sans-serif";
    g.textAlign = "center"; g.textBaseline = "middle";
    this.world.table.buckets.forEach((bucket, i) => {
      const { prefix } = bucket, part = 1 / 2 ** prefix.length;
      const from = prefix ? parseInt(prefix.slice(0, 48), 2) / 2 ** Math.min(48, prefix.length) : 0;
      const gap = Math.min(0.004, part / 4), zero = -Math.PI / 2;
      g.beginPath();
      g.arc(this.x, this.y, inner, zero + (from + gap / 2) * 2 * Math.PI, zero + (from + part - gap / 2) * 2 * Math.PI);
      g.lineWidth = 8;
      g.strokeStyle = i % 2 ? this.colours.band2 : this.colours.band;
      g.stroke();
      if (part < 1 / 64) return;
      const p = this.#point(from + part / 2, inner + 12);
      g.fillStyle = this.colours.quiet;
      g.textAlign = Math.abs(p.x - this.x) < this.r / 4 ? "center" : p.x < this.x ? "right" : "left";
      g.fillText(prefix.length > 3 || this.r < SMALL ? String(bucket.contacts.length) : `${prefix}… ${bucket.contacts.length}`, p.x, p.y);
    });
  }

  #chord(g, a, b) {
    g.moveTo(a.x, a.y);
    g.quadraticCurveTo((a.x + b.x) / 4 + this.x / 2, (a.y + b.y) / 4 + this.y / 2, b.x, b.y);
  }

  #drawContacts(g) {
    const from = this.places.get(this.world.me);
    if (!from) return;
    g.strokeStyle = this.colours.contact;
    g.globalAlpha = this.world.members.size > 60 ? 0.22 : 0.38;
    g.lineWidth = 1;
    g.beginPath();
    for (const id of this.world.members.keys()) if (this.places.has(id)) this.#chord(g, from, this.places.get(id));
    g.stroke();
    g.globalAlpha = 1;
  }

  #drawNodes(g) {
    const { world, colours: c } = this;
    g.globalAlpha = this.frame ? 0.4 : 1;
    for (const id of world.order) {
      const p = this.places.get(id), state = world.state(id), side = world.cut ? world.nodes.get(id).side : 0;
      const r = state === "other" ? this.size * 0.72 : state === "down" ? this.size * 0.9 : this.size;
      if (id !== world.me) shape(g, kindOf(state, side), p.x, p.y, r, colourOf(state, side, c), c.card);
    }
    g.globalAlpha = 1;
    const me = this.places.get(world.me);
    if (me) shape(g, world.mine?.up === false ? "cross" : "star", me.x, me.y, 7, world.mine?.up === false ? c.dead : c.me, c.card);
  }

  /** drawLookup has the lines: from who asks to whom it asked, and from the one
   * that answered last to those that it named. */
  #drawLookup(g) {
    const { frame, colours: c } = this, from = this.places.get(this.asker);
    const at = this.#point(turn(this.target), this.r);
    g.strokeStyle = c.target;
    g.lineWidth = 1.2;
    g.setLineDash([4, 4]);
    g.beginPath(); g.moveTo(this.x, this.y); g.lineTo(at.x, at.y); g.stroke();
    g.setLineDash([]);
    if (from) {
      for (const contact of frame.contacts.values()) {
        const to = this.places.get(contact.id), look = ofStep[contact.state];
        if (!to || !look) continue;
        const now = contact.id === frame.step?.contact.id && !frame.ended;
        g.strokeStyle = c[look[1]];
        g.globalAlpha = now ? 1 : 0.35;
        g.lineWidth = now ? 2.5 : 1.2;
        g.beginPath(); this.#chord(g, from, to); g.stroke();
      }
    }
    g.globalAlpha = 0.6;
    if (frame.step?.kind === "answered" && !frame.ended) this.#drawNamed(g, frame.step);
    g.globalAlpha = 1;
  }

  #drawNamed(g, step) {
    const by = this.places.get(step.contact.id);
    if (!by) return;
    g.strokeStyle = this.colours.target;
    g.lineWidth = 1;
    g.setLineDash([2, 3]);
    g.beginPath();
    for (const c of step.contacts ?? []) if (this.places.has(c.id)) this.#chord(g, by, this.places.get(c.id));
    g.stroke();
    g.setLineDash([]);
  }

  #drawAsked(g) {
    const { frame, colours: c } = this, size = Math.max(this.size, 4);
    for (const contact of frame.contacts.values()) {
      const p = this.places.get(contact.id);
      if (!p) continue;
      const [kind, colour] = ofStep[contact.state] ?? ["hollow", "target"];
      shape(g, kind, p.x, p.y, ofStep[contact.state] ? size : size * 0.7, c[colour], c.card);
    }
    for (const id of frame.contacts.keys()) { // who has died since
      const p = this.places.get(id);
      if (p && this.world.state(id) === "down") shape(g, "cross", p.x, p.y, size + 1, c.dead, c.card);
    }
    g.strokeStyle = c.answered;
    g.lineWidth = 2;
    for (const id of frame.ended ? frame.closest : []) {
      const p = this.places.get(id);
      if (p) { g.beginPath(); g.arc(p.x, p.y, size + 4, 0, 2 * Math.PI); g.stroke(); }
    }
    for (const id of frame.ended ? this.holders : []) {
      const p = this.places.get(id);
      if (p) shape(g, "diamond", p.x, p.y, size, c.target, c.card);
    }
    const at = this.#point(turn(this.target), this.r - 14 - (this.size < 3 ? 14 : 0));
    shape(g, "triangle", at.x, at.y, 6, c.target, c.card);
    g.fillStyle = c.target;
    g.font = "600 12px system-ui, sans-serif";
    g.textAlign = "center";
    const label = this.#point(turn(this.target), this.r - 40);
    g.fillText("key", label.x, label.y);
  }

  #drawFocus(g) {
    const p = this.places.get(this.focus);
    if (!p) return;
    g.strokeStyle = this.colours.ink;
    g.lineWidth = 2;
    g.beginPath(); g.arc(p.x, p.y, Math.max(this.size, 4) + 5, 0, 2 * Math.PI); g.stroke();
  }

  #drawPulses(g, now) {
    this.pulses = this.pulses.filter((p) => now - p.begun < PULSE);
    g.strokeStyle = this.colours.asked;
    g.lineWidth = 1.3;
    for (const { a, b, begun } of this.pulses) {
      const from = this.places.get(a), to = this.places.get(b);
      if (!from || !to) continue;
      g.globalAlpha = (this.frame ? 0.12 : 0.55) * (1 - (now - begun) / PULSE);
      g.beginPath(); this.#chord(g, from, to); g.stroke();
    }
    g.globalAlpha = 1;
  }

  #drawTravel(g, now) {
    if (!this.travel) return;
    const { step, begun } = this.travel, part = (now - begun) / HOP;
    const me = this.places.get(this.asker), other = this.places.get(step.contact.id);
    if (part >= 1 || !me || !other) { this.travel = null; return; }
    const back = step.kind !== "asked", at = back ? 1 - part : part, x = 1 - at;
    const cx = (me.x + other.x) / 4 + this.x / 2, cy = (me.y + other.y) / 4 + this.y / 2;
    shape(g, "disc", x * x * me.x + 2 * x * at * cx + at * at * other.x, x * x * me.y + 2 * x * at * cy + at * at * other.y,
      5, this.colours[back ? "answered" : "asked"]);
  }

  /** describe is a node in a sentence. */
  describe(id) {
    const { world } = this, n = world.nodes.get(id);
    if (!n) return "";
    const states = { me: "the node we look from", down: "it is down", good: "a good contact of ours", stale: "a stale contact of ours", bad: "a contact of ours that is silent", other: "not in our table" };
    return `${id.slice(0, 8)}: ${states[world.state(id)]}${id === world.me ? "" : `, shares ${shared(id, world.me)} bits with us`}`;
  }
}
