// Light, dark, or as the system has it; and its colours for who draws.

import { $, el } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const KEPT = "khashmir-theme";
const NAMES = ["page", "card", "raised", "line", "edge", "ink", "quiet", "accent", "contact", "other", "me", "asked", "answered", "dead", "side", "target", "band", "band-2"];

/** startTheme obeys the button; changed runs when the colours are others. */
export function startTheme(changed) {
  let theme = THEMES[0];
  try { theme = localStorage.getItem(KEPT) ?? theme; } catch { /* a browser that keeps nothing */ }
  const show = () => {
    if (!THEMES.includes(theme)) theme = THEMES[0];
    document.documentElement.dataset.theme = theme;
    $("theme").textContent = `Theme: ${theme}`;
    changed();
  };
  $("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try { localStorage.setItem(KEPT, theme); } catch { /* then not */ }
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  show();
}

/** colours are the sheet's, as they are now. */
export function colours() {
  const probe = el("span", { hidden: true });
  document.body.append(probe);
  const found = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    found[name.replace(/-(\d)/, "$1")] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

/** still: who uses the page wants nothing to move by itself. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
