// The routing table: a bucket a line, the farthest first.

import { $, el, many, span } from "./dom.js";
import { bits, short } from "./id.js";
import { drawTree } from "./tree.js";

const CELLS = 64; // contacts of one bucket that are drawn

export class Buckets {
  constructor(world) {
    this.world = world;
    this.open = new Set(); // prefixes
  }

  draw() {
    const { table, me } = this.world;
    if (!me) return;
    const contacts = table.buckets.reduce((sum, b) => sum + b.contacts.length, 0);
    $("buckets-sum").textContent = `${many(contacts, "contact")} in ${many(table.buckets.length, "bucket")}. Our own ID begins with ${bits(me, 16)}…`;
    drawTree($("tree"), table, me);
    const last = table.buckets.length - 1;
    const heads = el("li", { class: "heads", "aria-hidden": true }, ...["Prefix", "Part", "Contacts", "Waiting", "Looked up"].map((t) => el("span", { class: t === "Waiting" || t === "Part" ? "num" : null }, t)));
    const rows = table.buckets.map((b, i) => this.#row(b, i, i === last));
    const focused = document.activeElement?.closest?.("#buckets details")?.dataset.prefix;
    $("buckets").replaceChildren(heads, ...rows);
    if (focused !== undefined) $("buckets").querySelector(`[data-prefix="${focused}"] summary`)?.focus();
  }

  #row(bucket, depth, own) {
    const { prefix, contacts, waiting, looked_up: lookedUp } = bucket;
    const details = el("details", { "data-prefix": prefix, toggle: () => this.open[details.open ? "add" : "delete"](prefix) });
    details.open = this.open.has(prefix);
    const part = prefix.length < 11 ? `1/${2 ** prefix.length}` : `2⁻${superscript(prefix.length)}`;
    const free = Math.max(0, this.world.table.k - contacts.length);
    const shown = contacts.slice(0, CELLS).map((c) => el("i", { class: c.state, title: `${short(c.id)} ${c.state}` }));
    const name = el("span", { class: "prefix mono" }, prefix.slice(0, -1), el("b", {}, prefix.slice(-1)), "…", own ? el("span", { class: "own" }, " (ours)") : "");
    name.style.paddingLeft = `${Math.min(depth, 12) * 0.28}rem`;
    details.append(
      el("summary", { "aria-label": `Bucket ${prefix || "of all"}${own ? ", our own" : ""}: ${many(contacts.length, "contact")}, ${waiting} waiting` },
        name, el("span", { class: "quiet num" }, prefix ? part : "all"),
        el("span", { class: "cells" }, el("b", {}, String(contacts.length)), el("span", { class: "dots" }, ...shown, ...Array.from({ length: free }, () => el("i", { class: "free" })), contacts.length > CELLS ? "…" : "")),
        el("span", { class: "quiet num" }, String(waiting)),
        el("span", { class: "quiet" }, ago(lookedUp))),
      el("ul", { class: "members mono" }, ...contacts.map((c) => el("li", {}, `${short(c.id)}… `, el("span", { class: `state ${c.state}` }, c.state), ` ${c.addr ?? ""}`))));
    return el("li", {}, details);
  }
}

const superscript = (n) => [...String(n)].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("");

const ago = (time) => (time ? `${span(Date.now() - Date.parse(time))} ago` : "never");
