// A lookup as it was recorded, and what was known at each of its steps: frame 0
// is before the first, the last one when all was over. No drawing here.

import { closer, shared } from "./id.js";

export const K = 8;
const MAX_STEPS = 4000; // of one recording: a lookup has some 50

export class Recording {
  constructor({ kind, me, text, target, known }) {
    Object.assign(this, { kind, me, text, target });
    this.steps = [];
    this.end = null; // what came of it
    this.values = [];
    this.seed = target ? nearest(known, target, me) : [];
    this.known = known;
  }

  /** add takes a step of the gateway's. */
  add(step) {
    if (!this.target) { // it was hashed over there
      this.target = step.target;
      this.seed = nearest(this.known, this.target, this.me);
    }
    if (step.target !== this.target || this.steps.length >= MAX_STEPS) return;
    this.steps.push(step);
  }

  finish(end) { this.end = end; }

  /** last is the number of the last frame. */
  get last() { return this.steps.length + (this.end ? 1 : 0); }

  /** answers are all who answered, in order, with the bits that they share. */
  get answers() {
    if (this.answered?.at !== this.steps.length) this.answered = { at: this.steps.length, best: this.frame(this.steps.length).best };
    return this.answered.best;
  }

  /** frame is what was known after n steps. */
  frame(n) {
    const contacts = new Map();
    for (const c of this.seed) contacts.set(c.id, fresh(c, null, 1));
    const frame = { at: n, contacts, flying: 0, stored: 0, fresh: 0, nearer: 0, step: null, ended: false, best: [] };
    const steps = Math.min(n, this.steps.length);
    for (let i = 0; i < steps; i++) this.#take(frame, this.steps[i], i + 1);
    frame.ended = this.end !== null && n > this.steps.length;
    frame.list = [...contacts.values()].sort(closer(this.target ?? this.me));
    frame.closest = this.#closest(frame);
    return frame;
  }

  #take(frame, step, at) {
    const { contacts } = frame;
    if (!contacts.has(step.contact.id)) contacts.set(step.contact.id, fresh(step.contact, null, 1));
    const who = contacts.get(step.contact.id);
    frame.step = step;
    frame.fresh = frame.nearer = 0;
    const open = who.state === "asked" || who.state === "late";
    if (step.kind === "asked") frame.flying++;
    if (open && (step.kind === "answered" || step.kind === "failed")) frame.flying--;
    if (step.kind === "stored") frame.stored++;
    who.state = step.kind;
    who.took = step.took_ms ?? who.took;
    who.values = (who.values ?? 0) + (step.values ?? 0);
    if (step.kind !== "answered") return;
    const best = Math.max(-1, ...[...contacts.values()].map((c) => shared(c.id, this.target)));
    for (const c of step.contacts ?? []) {
      if (c.id === this.me || contacts.has(c.id)) continue;
      contacts.set(c.id, fresh(c, who.id, who.hop + 1));
      frame.fresh++;
      if (shared(c.id, this.target) > best) frame.nearer++;
    }
    frame.best.push({ at, id: who.id, bits: shared(who.id, this.target) });
  }

  /** closest are the IDs that the lookup came to, or would now. */
  #closest(frame) {
    if (frame.ended && this.end.closest?.length) return this.end.closest.map((c) => c.id);
    return frame.list.filter((c) => c.state === "answered" || c.state === "stored" || c.state === "refused").slice(0, K).map((c) => c.id);
  }
}

const fresh = (c, by, hop) => ({ id: c.id, addr: c.addr, by, hop, state: "known", took: null });

/** nearest is what a table has to begin with. */
function nearest(known, target, me) {
  return known.filter((c) => c.id !== me && c.state !== "bad").sort(closer(target)).slice(0, K);
}
