// The lookup's panel: it records one, and plays it step by step.

import { $, el, announce, many, took } from "./dom.js";
import { keyOf, short, shared, log2, isID } from "./id.js";
import { Recording } from "./recording.js";
import { says, clip } from "./words.js";
import { drawPlot } from "./plot.js";
import { still } from "./theme.js";
import { Holders } from "./holders.js";

const ROWS = 48;          // of the shortlist that are shown
const MAX_VALUES = 200;   // that are kept of one search
const SHOWN_VALUES = 12;
const STRAGGLERS = 250;   // ms that the last steps of a store may take on their way
const LONGEST_VALUE = 300; // characters that are shown of one

export class Player {
  constructor(world, ring) {
    Object.assign(this, { world, ring, at: 0, playing: false, recording: null, holders: new Holders(world, ring) });
    $("lookup").addEventListener("submit", (e) => { e.preventDefault(); this.#submit(); });
    for (const radio of document.querySelectorAll("[name=kind]")) radio.addEventListener("change", () => this.#kind());
    const on = (id, f) => $(id).addEventListener("click", f);
    on("play-first", () => this.#jump(0));
    on("play-back", () => this.#jump(this.at - 1));
    on("play-next", () => this.#jump(this.at + 1));
    on("play-last", () => this.#jump(this.recording.last));
    on("play-toggle", () => this.toggle());
    $("play-at").addEventListener("input", (e) => this.#jump(Number(e.target.value)));
    $("play-speed").addEventListener("change", () => { if (this.playing) this.#tick(); });
    for (const b of document.querySelectorAll("#lookup-empty button")) b.addEventListener("click", () => { this.look(b.dataset.kind, b.dataset.key); $("play-toggle").focus(); });
    $("panel-lookup").addEventListener("keydown", (e) => this.#keys(e));
    this.#kind();
  }

  /** look has the panel do this, as if it had been typed. */
  look(kind, text) {
    document.querySelector(`[name=kind][value=${kind}]`).checked = true;
    this.#kind();
    $("lookup-text").value = text;
    return this.#submit();
  }

  #kind() {
    this.kind = document.querySelector("[name=kind]:checked").value;
    $("value-field").hidden = this.kind !== "store";
    $("lookup-go").textContent = { find: "Look up", store: "Store", get: "Get" }[this.kind];
  }

  async #submit() {
    const text = $("lookup-text").value;
    if (!text) { $("lookup-text").focus(); return; }
    this.running?.abort();
    const running = this.running = new AbortController(), { world, kind } = this;
    const me = world.me, target = await keyOf(text);
    const recording = new Recording({ kind, me, target, text: isID(text) ? text.toLowerCase() : text, known: world.known() });
    this.recording = recording;
    this.#open(recording);
    try {
      const run = kind === "store" ? this.#store : this.#search;
      await run.call(this, recording, world.base, encodeURIComponent(target ?? text), running.signal);
    } catch (problem) {
      if (running.signal.aborted) return;
      recording.finish({ error: { message: problem.message }, questions: recording.steps.length });
    }
    if (this.recording !== recording) return;
    recording.target ??= me;
    if (still()) { this.#jump(recording.last); announce($("says").textContent); } else this.#show();
  }

  /** search is a find of nodes or of values, as a stream. */
  async #search(recording, base, key, signal) {
    const path = recording.kind === "get" ? `${base}/values/${key}?trace=1` : `${base}/lookup/${key}?trace=1`;
    let failed;
    await this.world.gateway.stream(path, { signal, on: (name, data) => {
      if (name === "step") this.#step(recording, data);
      else if (name === "value" && recording.values.length < MAX_VALUES) recording.values.push(data);
      else if (name === "problem") failed = data;
      else if (name === "end") recording.finish({ ...data, values: recording.values });
    } });
    if (!recording.end) throw failed ?? new Error("the gateway broke off");
  }

  /** store listens to what the node does meanwhile: its steps are among that. */
  async #store(recording, base, key, signal) {
    const body = $("lookup-value").value || `hello from ${short(recording.me)}`;
    const listening = new AbortController();
    signal.addEventListener("abort", () => listening.abort(), { once: true });
    let number = 0;
    await new Promise((opened) => {
      this.world.gateway.stream(`${base}/events`, { signal: listening.signal, opened, on: (name, { step }) => {
        if (!step || recording.target && step.target !== recording.target) return;
        number ||= step.number;
        if (step.number === number) this.#step(recording, step);
      } }).catch(() => {}).then(opened);
    });
    try {
      const result = await this.world.gateway.ask(`${base}/values/${key}`, { method: "PUT", body, bear: true, signal });
      recording.target ??= result.key;
      await new Promise((over) => setTimeout(over, STRAGGLERS));
      recording.finish(result);
    } finally {
      listening.abort();
    }
  }

  #step(recording, step) {
    for (const c of [step.contact, ...(step.contacts ?? [])]) this.world.hear(c);
    recording.add(step);
    if (this.recording === recording) this.#scrubber();
  }

  #open(recording) {
    $("play").hidden = false;
    $("lookup-empty").hidden = true;
    this.at = 0;
    if (recording.target) this.#show();
    this.#play(!still());
    announce(`Looking up ${clip(recording.text)}`);
  }

  close() {
    this.running?.abort();
    this.#play(false);
    this.recording = null;
    $("play").hidden = true;
    this.holders.watch(null);
    $("lookup-empty").hidden = false;
    this.ring.show(null);
  }

  /** onRing says whether the ring shows the lookup, or the table as it is. */
  onRing(on) {
    this.hidden = !on;
    if (!on) { this.ring.show(null); this.holders.watch(null); }
    else if (this.recording) this.#show();
  }

  toggle() {
    if (!this.recording) return;
    if (!this.playing && this.at >= this.recording.last) this.at = 0;
    this.#play(!this.playing);
    this.#show();
  }

  #play(on) {
    this.playing = on;
    clearTimeout(this.timer);
    $("play-toggle").textContent = on ? "❚❚ Pause" : "▶\uFE0E Play";
    $("play-toggle").setAttribute("aria-label", on ? "Pause" : "Play");
    $("says").setAttribute("aria-live", on ? "off" : "polite");
    if (on) this.#tick();
  }

  #tick() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { recording } = this;
      if (!this.playing || !recording) return;
      if (this.at < recording.last) { this.at++; this.#show(); }
      if (recording.end && this.at >= recording.last) {
        this.#play(false);
        announce($("says").textContent);
      } else this.#tick();
    }, 1000 / Number($("play-speed").value));
  }

  #jump(to) {
    if (!this.recording) return;
    this.#play(false);
    this.at = Math.max(0, Math.min(to, this.recording.last));
    this.#show();
  }

  #keys(e) {
    if (!this.recording || e.target.closest("input, select, summary") || e.altKey || e.ctrlKey || e.metaKey) return;
    const to = { ArrowLeft: this.at - 1, ArrowRight: this.at + 1, Home: 0, End: this.recording.last }[e.key];
    if (to !== undefined) { e.preventDefault(); this.#jump(to); }
  }

  #scrubber() {
    const { recording, at } = this, bar = $("play-at");
    bar.max = recording.last;
    bar.value = at;
    $("play-count").textContent = `${at} / ${recording.last}`;
    $("play-first").disabled = $("play-back").disabled = at === 0;
    $("play-next").disabled = $("play-last").disabled = at >= recording.last;
  }

  #show() {
    const { recording } = this;
    if (!recording?.target) return;
    const frame = recording.frame(this.at);
    this.#scrubber();
    const sentence = says(recording, frame);
    $("says").textContent = sentence;
    $("play-at").setAttribute("aria-valuetext", sentence);
    $("play").dataset.ended = frame.ended;
    this.#rows(frame);
    drawPlot($("plot"), recording, frame, (to) => this.#jump(to));
    this.#outcome(frame);
    this.holders.watch(frame.ended && recording.kind !== "find" && !this.hidden ? recording.target : null);
    if (!this.hidden) this.ring.show(frame, recording);
  }

  #rows(frame) {
    const { target } = this.recording, closest = new Set(frame.closest);
    const rows = frame.list.slice(0, ROWS).map((c, i) => row(c, i, target, closest, frame));
    if (frame.list.length > ROWS) rows.push(el("tr", {}, el("td", { colspan: 6, class: "quiet" }, `and ${frame.list.length - ROWS} farther ones`)));
    $("shortlist").tBodies[0].replaceChildren(...rows);
  }

  #outcome(frame) {
    const { kind, end, values } = this.recording, box = $("outcome");
    if (!frame.ended) {
      const asked = [...frame.contacts.values()].filter((c) => c.state !== "known").length;
      box.replaceChildren(el("h3", {}, "So far"), el("p", {}, `${many(frame.contacts.size, "contact")} heard of, ${asked} asked, ${frame.flying} in flight.`));
      return;
    }
    const parts = [];
    if (end.error) parts.push(el("p", { class: "state failed" }, end.error.message));
    if (kind === "get") {
      parts.push(el("h3", {}, many(values.length, "value")), ...values.slice(0, SHOWN_VALUES).map(value));
      if (end.shown?.length) parts.push(el("p", { class: "quiet" }, `Shown by ${end.shown.map((h) => short(h.id)).join(", ")}.`));
    } else if (kind === "store") {
      parts.push(el("h3", {}, `Committed by ${many(end.stored?.length ?? 0, "node")}`), el("p", { class: "mono" }, (end.stored ?? []).map((c) => short(c.id)).join(" ")));
      for (const r of end.refused ?? []) parts.push(el("p", {}, `${short(r.id)} did not: ${r.error.message}`));
    } else if (end.closest) {
      parts.push(el("h3", {}, `The ${end.closest.length} closest`), el("p", { class: "mono" }, end.closest.map((c) => short(c.id)).join(" ")));
    }
    if (end.questions !== undefined && !end.error) parts.push(el("p", { class: "quiet" }, `${many(end.questions, "question")}, ${many(end.hops ?? 0, "hop")}, ${took(end.took_ms ?? 0)}`));
    box.replaceChildren(...parts);
  }
}

const STATES = { known: "heard of", asked: "asked …", late: "late", answered: "answered", failed: "silent", stored: "stored", refused: "refused" };
const SIGNS = { known: "·", asked: "○", late: "◌", answered: "●", failed: "✕", stored: "◆", refused: "⊘" };
const FARTHEST = 160, LEAST = 136; // of log₂ of the distance, in the bars

function row(c, i, target, closest, frame) {
  const bits = shared(c.id, target), distance = log2(c.id, target), digits = Math.min(12, Math.floor(bits / 4));
  const bar = el("span", { class: "meter", "aria-hidden": true }, el("i"));
  bar.firstChild.style.width = `${Math.max(2, 100 * (distance - LEAST) / (FARTHEST - LEAST))}%`;
  const name = (closest.has(c.id) ? "top " : "") + (c.id === frame.step?.contact.id && !frame.ended ? "now" : "");
  const state = STATES[c.state] ?? c.state;
  return el("tr", { class: name.trim() || null, "data-id": c.id },
    el("td", { class: "num" }, String(i + 1)),
    el("td", { class: "mono" }, el("b", {}, c.id.slice(0, digits)), `${c.id.slice(digits, 12)}…`),
    el("td", { class: "num" }, String(bits)),
    el("td", {}, bar, el("span", { class: "num" }, distance < 0 ? "itself" : distance.toFixed(1))),
    el("td", {}, el("span", { class: `state ${c.state}` }, `${SIGNS[c.state] ?? ""} ${state}`), c.took ? ` ${took(c.took)}` : ""),
    el("td", { class: "mono" }, c.by ? `${short(c.by)}` : "own table"));
}

/** value is one that was found; it is a stranger's, and only ever text. */
function value(v) {
  const text = v.text ?? `${atob(v.bytes).length} bytes that are no text`;
  return el("p", { class: "value" }, clip(text, LONGEST_VALUE));
}
