// Drives the page in a real browser, for page_test.go: node page.mjs SCENE URL
// BROWSER [FOLDER FOR SCREENSHOTS]. What it has seen goes to standard output, as
// one line of JSON; what went wrong to standard error, with status 1.

import { chromium } from "playwright-core";
import { join } from "node:path";

const [scene, url, executablePath, shots] = process.argv.slice(2);
const PROJECTOR = { width: 1280, height: 720 }, PHONE = { width: 390, height: 844 };
const PATIENCE = 60_000; // ms, for a network that heals

const browser = await started(3);
const complaints = [];

/** started is a browser. On a busy machine one dies before it has begun, which says
 * nothing of the page: then another is started. */
async function started(tries) {
  for (;;) {
    try {
      return await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    } catch (error) {
      if (--tries === 0) throw error;
    }
  }
}

/** open is the page in a window of its own. Whatever the browser complains of, a
 * violated policy too, is kept. */
async function open(options = {}) {
  const context = await browser.newContext({ viewport: PROJECTOR, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("console", (m) => { if (["error", "warning"].includes(m.type())) complaints.push(m.text()); });
  page.on("pageerror", (e) => complaints.push(String(e)));
  page.on("request", (r) => { if (new URL(r.url()).origin !== new URL(url).origin) complaints.push(`asked ${r.url()}`); });
  await page.goto(url);
  await page.waitForFunction(() => /[1-9]\d* (contact|nodes)/.test(document.getElementById("ring-count").textContent) || document.getElementById("trouble").textContent);
  return page;
}

const shoot = (page, name) => (shots ? page.screenshot({ path: join(shots, `${name}.png`) }) : null);
const text = (page, selector) => page.locator(selector).textContent();
const rows = (page, selector) => page.locator(`${selector} tbody tr`).evaluateAll((all) => all.map((tr) => tr.textContent));

/** look has the page look something up, to the end, and is what it then shows. */
async function look(page, kind, key, value) {
  await page.click("#tab-lookup");
  await page.check(`[name=kind][value=${kind}]`, { force: true });
  await page.fill("#lookup-text", key);
  if (value !== undefined) await page.fill("#lookup-value", value);
  await page.evaluate(() => { document.getElementById("play-speed").value = "25"; });
  await page.click("#lookup-go");
  return ended(page);
}

async function ended(page) {
  await page.waitForSelector("#play[data-ended=true]");
  return {
    says: await text(page, "#says"),
    outcome: await text(page, "#outcome"),
    steps: Number(await page.getAttribute("#play-at", "max")),
    closest: await page.locator("#shortlist tr.top").evaluateAll((all) => all.map((tr) => tr.dataset.id)),
    sorted: await page.locator("#shortlist tr[data-id]").evaluateAll((all) => all.map((tr) => tr.dataset.id)),
  };
}

/** upTo waits until the network is as wanted, by what the page itself shows. */
const mode = (page, wanted) => page.waitForFunction((w) => document.getElementById("mode").textContent.includes(w), wanted);

const scenes = {
  // In both themes and on a phone: it loads, and nothing sticks out.
  async load() {
    const seen = [];
    for (const [name, options] of [["light", { colorScheme: "light" }], ["dark", { colorScheme: "dark" }], ["phone", { viewport: PHONE }]]) {
      const page = await open(options);
      for (const tab of ["buckets", "store", "traffic", "nodes", "lookup"]) {
        await page.click(`#tab-${tab}`);
        if (tab === "traffic") {
          await page.evaluate(() => fetch("v1/lookup/anything")); // so that there is some
          await page.waitForSelector("#rates tbody tr");
        }
        if (shots) await page.waitForTimeout(600); // what it asks for is there
        await shoot(page, `${tab}-${name}`);
      }
      seen.push({
        name, mode: await text(page, "#mode"), trouble: await text(page, "#trouble"),
        wide: await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        background: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
        buckets: await page.locator("#buckets details").count(), nodes: (await rows(page, "#nodes")).length,
        methods: await rows(page, "#rates"),
      });
      await page.context().close();
    }
    return { seen };
  },

  // A lookup goes to its end by itself, step by step, and back and forth.
  async lookup() {
    const page = await open();
    const me = await page.evaluate(async () => (await (await fetch("v1/network")).json()).nodes.find((n) => n.id.startsWith(document.getElementById("me-id").value)).id);
    await page.fill("#lookup-text", "a lecture");
    await page.click("#lookup-go");
    const counts = new Set();
    while (!await page.evaluate(() => document.getElementById("play").dataset.ended === "true")) {
      counts.add(await text(page, "#play-count"));
      if (counts.size === 8) await shoot(page, "animated");
      await page.waitForTimeout(60);
    }
    const found = await ended(page);
    await shoot(page, "found");
    await page.click("#play-first");
    const first = await text(page, "#says");
    await page.click("#play-next");
    const second = await text(page, "#says");
    await page.click("#play-last");
    return { me, frames: counts.size, first, second, found };
  },

  // A value is stored, and got from another node.
  async value() {
    const page = await open();
    const stored = await look(page, "store", "a lecture", "<img src=x onerror=alert(1)> Grüß Gott");
    await shoot(page, "stored");
    const other = await page.locator("#nodes tbody tr").first();
    await page.click("#tab-nodes");
    await other.locator("text=See").click();
    const got = await look(page, "get", "a lecture");
    await shoot(page, "got");
    const images = await page.locator("img").count();
    return { stored, got, images };
  },

  // A node is killed and seen to go, and to come back.
  async kill() {
    const page = await open();
    await page.click("#tab-nodes");
    const row = page.locator("#nodes tbody tr", { hasText: "good" }).first();
    const id = await row.getAttribute("data-id");
    const it = page.locator(`#nodes tr[data-id="${id}"]`);
    await row.locator("text=Kill").click();
    await page.waitForFunction((i) => document.querySelector(`#nodes tr[data-id="${i}"]`).textContent.includes("down"), id);
    const down = await it.textContent(), told = await text(page, "#mode");
    await shoot(page, "killed");
    const tables = async () => page.evaluate(async (i) => {
      const { nodes } = await (await fetch("v1/network")).json();
      const known = await Promise.all(nodes.filter((n) => n.up && n.id !== i).map(async (n) => (await (await fetch(`at/${n.id}/v1/table`)).json()).buckets.some((b) => b.contacts.some((c) => c.id === i))));
      return known.filter(Boolean).length;
    }, id);
    const before = await tables();
    let left = before;
    for (const end = Date.now() + PATIENCE; left > before / 2 && Date.now() < end;) { await page.waitForTimeout(500); left = await tables(); }
    await it.locator("text=Start").click();
    await page.waitForFunction((i) => !document.querySelector(`#nodes tr[data-id="${i}"]`).textContent.includes("down"), id);
    await page.waitForFunction((i) => Number(document.querySelector(`#nodes tr[data-id="${i}"] td:nth-child(3)`).textContent) > 0, id);
    return { id, down, told, before, left, up: await it.textContent() };
  },

  // The network is cut in two, and heals: what was stored on one side comes to the other.
  async cut() {
    const page = await open();
    await page.click("#cut");
    await mode(page, "cut in two");
    await page.click("#tab-nodes");
    await page.waitForFunction(() => /side [AB]/.test(document.getElementById("nodes").textContent));
    const sides = (await rows(page, "#nodes")).map((r) => r.match(/side ([AB])/)[1]);
    await shoot(page, "cut");
    const stored = await look(page, "store", "behind the cut", "found again");
    const mine = (await page.locator("#nodes tbody tr", { hasText: "ours" }).textContent()).match(/side ([AB])/)[1];
    await page.click("#tab-nodes");
    await page.locator("#nodes tbody tr", { hasText: `side ${mine === "A" ? "B" : "A"}` }).first().locator("text=See").click();
    const there = await look(page, "get", "behind the cut");
    await page.click("#heal");
    await page.waitForFunction(() => !document.getElementById("mode").textContent.includes("cut"));
    let healed;
    for (const end = Date.now() + PATIENCE; Date.now() < end;) {
      healed = await look(page, "get", "behind the cut");
      if (healed.outcome.includes("found again")) break;
    }
    await shoot(page, "healed");
    return { sides, stored, there, healed };
  },

  // A value outlives one of its holders: another is given it.
  async heal() {
    const page = await open();
    await look(page, "store", "a lecture", "it lives on");
    const held = () => page.evaluate(() => (document.getElementById("held").dataset.ids ?? "").split(" "));
    await page.waitForFunction(() => (document.getElementById("held").dataset.ids ?? "").split(" ").length >= 8);
    const before = await held();
    const mine = await page.inputValue("#me-id");
    const victim = before.find((id) => !id.startsWith(mine));
    await page.click("#tab-nodes");
    await page.locator(`#nodes tr[data-id="${victim}"]`).locator("text=Kill").click();
    await page.waitForFunction((i) => document.querySelector(`#nodes tr[data-id="${i}"]`).textContent.includes("down"), victim);
    await page.click("#tab-lookup");
    await page.waitForFunction((i) => { const held = document.getElementById("held"); return !held.hidden && held.dataset.ids.split(" ").length >= 8 && !held.dataset.ids.includes(i); }, victim);
    await shoot(page, "outlived");
    return { before, victim, after: await held() };
  },

  // All by the keyboard: to the lookup, through it, over the ring, the tabs and the tour.
  async keys() {
    const page = await open();
    const focus = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim().slice(0, 20));
    const press = async (...all) => { for (const key of all) await page.keyboard.press(key); };
    await press("Tab");
    const skip = await focus();
    await press("Enter");
    const field = await focus();
    await page.keyboard.type("by hand");
    await press("Enter");
    await page.waitForSelector("#play:not([hidden])");
    const passed = [];
    for (let i = 0; i < 20 && await focus() !== "play-toggle"; i++) { await press("Tab"); passed.push(await focus()); }
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    await press("End");
    const found = await ended(page);
    await press("Home", "ArrowRight");
    const back = await text(page, "#play-count");
    await page.focus("#tab-lookup");
    await press("ArrowRight");
    const tab = await focus();
    await page.focus("#ring");
    await press("ArrowRight", "ArrowRight");
    const card = await text(page, "#card h3");
    await page.waitForFunction(() => document.getElementById("announce").textContent.length > 0);
    const said = await text(page, "#announce");
    await press("m");
    await page.waitForFunction((id) => document.getElementById("me-id").value === id.slice(0, 8), card);
    await page.focus("#tour-open");
    await press("Enter", "Tab", "Enter");
    const toured = await text(page, "#tour-count");
    await press("Escape");
    return { skip, field, passed, outline, found, back, tab, card, said, toured, tour: await page.isHidden("#tour") };
  },

  // One node with a token: the page takes it from the address, where it then is no more.
  async token() {
    const page = await open();
    const seen = { mode: await text(page, "#mode"), address: page.url(), controls: await page.isVisible("#controls"), count: await text(page, "#ring-count") };
    seen.found = await look(page, "find", "a lecture");
    const bare = new URL(url);
    bare.search = "";
    const before = complaints.length;
    await page.goto(bare.href);
    await page.waitForFunction(() => document.getElementById("trouble").textContent);
    seen.refused = await text(page, "#trouble");
    complaints.length = before; // the browser logs each 401
    return seen;
  },

  // A large network stays responsive: how long frames and tasks take.
  async large() {
    const page = await open();
    await page.evaluate(() => {
      window.tasks = [];
      new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => Math.round(e.duration)))).observe({ type: "longtask" });
    });
    const frames = () => page.evaluate(() => new Promise((done) => {
      const all = [];
      let last = performance.now();
      const next = (now) => { all.push(now - last); last = now; if (all.length < 120) requestAnimationFrame(next); else done(all.slice(1).sort((a, b) => a - b)); };
      requestAnimationFrame(next);
    }));
    const idle = await frames();
    const found = await look(page, "find", "a lecture");
    await page.evaluate(() => { document.getElementById("play-speed").value = "8"; });
    await page.click("#play-toggle");
    const playing = await frames();
    await shoot(page, "large");
    await page.click("#tab-nodes");
    const nodes = await text(page, "#nodes-sum");
    await shoot(page, "large-nodes");
    const at = (all, part) => Math.round(10 * all[Math.floor(part * (all.length - 1))]) / 10;
    return { mode: await text(page, "#mode"), nodes, found, idle: [at(idle, 0.5), at(idle, 0.99)], playing: [at(playing, 0.5), at(playing, 0.99)], tasks: await page.evaluate(() => window.tasks) };
  },
};

try {
  const seen = await scenes[scene]();
  console.log(JSON.stringify({ ...seen, complaints }));
} catch (problem) {
  console.error(problem.stack, complaints.join("\n"));
  process.exitCode = 1;
} finally {
  await browser.close();
}
