// What happens in a lookup, in words.

import { short, shared } from "./id.js";
import { many, took } from "./dom.js";
import { K } from "./recording.js";

const TITLES = { find: "find the nodes closest to", store: "store a value under", get: "get the values under" };

/** says is the sentence for frame n of a recording. frame is what is known then. */
export function says(recording, frame) {
  if (frame.at === 0) return beginning(recording, frame);
  if (frame.ended) return ending(recording, frame);
  const { step } = frame, who = short(step.contact.id), bits = shared(step.contact.id, recording.target);
  switch (step.kind) {
    case "asked":
      return `Asked ${who}…, which shares ${many(bits, "bit")} with the key${from(frame, step)}. ${many(frame.flying, "question")} in flight.`;
    case "answered":
      return `${who}… answered${step.took_ms ? ` in ${took(step.took_ms)}` : ""}${shown(step)}${named(frame)}.`;
    case "late":
      return `${who}… takes longer than answers here do: the next is asked in its place. It may still answer.`;
    case "failed":
      return `${who}… did not answer${step.error ? ` (${step.error.message})` : ""}. The lookup goes on without it.`;
    case "stored":
      return `${who}… has committed the value. ${many(frame.stored, "holder")} so far.`;
    case "refused":
      return `${who}… did not store the value${step.error ? `: ${step.error.message}` : ""}. The next closest is asked.`;
  }
  return `${step.kind}: ${who}…`;
}

function beginning({ kind, me, target, text }, frame) {
  const key = text === target ? `${short(target)}…` : `“${clip(text)}”, which is ${short(target)}…`;
  const own = frame.list.length;
  const known = own
    ? `From its own table it takes the ${own} closest it knows of; the first shares ${many(shared(frame.list[0].id, target), "bit")}.`
    : "Its own table is empty.";
  return `${short(me)}… is to ${TITLES[kind]} ${key}. ${known}`;
}

function from(frame, step) {
  const by = frame.contacts.get(step.contact.id)?.by;
  return by ? ` and was named by ${short(by)}…` : " and is from our own table";
}

function shown(step) {
  return step.values ? `, showed ${many(step.values, "value")}` : "";
}

function named({ fresh, nearer, step }) {
  const all = step.contacts?.length ?? 0;
  if (all === 0) return step.values ? "" : " and named nobody";
  const news = fresh === 0 ? "none of them new" : `${fresh} of them new`;
  if (nearer > 0) return ` and named ${many(all, "contact")}, ${news}, ${nearer} closer than all before`;
  return ` and named ${many(all, "contact")}, ${news}, none closer than the closest`;
}

function ending({ kind, end, target }, frame) {
  if (end.error) return `It ended without success: ${end.error.message}.`;
  const best = frame.list.find((c) => c.state === "answered" || c.state === "stored");
  const near = best ? ` The closest shares ${many(shared(best.id, target), "bit")} with the key.` : "";
  const effort = `${many(end.questions ?? 0, "question")}, ${many(end.hops ?? 0, "hop")}, ${took(end.took_ms ?? 0)}.`;
  switch (kind) {
    case "store": return `Done: ${many(end.stored?.length ?? 0, "node")} committed the value. ${effort}${near}`;
    case "get": return `Done: ${many(recordedValues(end), "value")}, shown by ${many(end.shown?.length ?? 0, "node")}. ${effort}${near}`;
  }
  const closest = end.closest?.length ?? 0; // without ourselves, who may be one of them
  return `Done: the ${closest} closest${closest < K ? " others" : ""} have answered, and nobody knows of closer ones. ${effort}${near}`;
}

const recordedValues = (end) => end.values?.length ?? 0;

export const clip = (text, length = 40) => (text.length > length ? `${text.slice(0, length)}…` : text);
