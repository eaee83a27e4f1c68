// The shapes on the ring. Each state has one of its own, so that nobody needs to
// tell colours apart.

/** shape draws one at x, y with radius r. */
export function shape(g, kind, x, y, r, colour, card) {
  g.lineWidth = Math.max(1.2, r / 3);
  g.strokeStyle = g.fillStyle = colour;
  g.beginPath();
  switch (kind) {
    case "star": return star(g, x, y, r);
    case "cross":
      g.moveTo(x - r, y - r); g.lineTo(x + r, y + r);
      g.moveTo(x + r, y - r); g.lineTo(x - r, y + r);
      return g.stroke();
    case "square": return g.fillRect(x - r, y - r, 2 * r, 2 * r);
    case "frame":
      g.rect(x - r, y - r, 2 * r, 2 * r);
      g.fillStyle = card; g.fill();
      return g.stroke();
    case "diamond":
      g.moveTo(x, y - 1.3 * r); g.lineTo(x + 1.3 * r, y); g.lineTo(x, y + 1.3 * r); g.lineTo(x - 1.3 * r, y);
      g.closePath();
      return g.fill();
    case "hollow":
      g.arc(x, y, r, 0, 2 * Math.PI);
      g.fillStyle = card; g.fill();
      return g.stroke();
    case "slashed":
      g.arc(x, y, r, 0, 2 * Math.PI);
      g.fillStyle = card; g.fill(); g.stroke();
      g.beginPath(); g.moveTo(x - r, y + r); g.lineTo(x + r, y - r);
      return g.stroke();
    case "triangle":
      g.moveTo(x, y + r); g.lineTo(x - r, y - r); g.lineTo(x + r, y - r);
      g.closePath();
      return g.fill();
    default:
      g.arc(x, y, r, 0, 2 * Math.PI);
      g.fill();
  }
}

function star(g, x, y, r) {
  for (let i = 0; i < 10; i++) {
    const angle = i * Math.PI / 5 - Math.PI / 2, far = i % 2 ? r * 0.62 : r * 1.5;
    g.lineTo(x + far * Math.cos(angle), y + far * Math.sin(angle));
  }
  g.closePath();
  g.fill();
}

/** kindOf is the shape of a node's state. other side of a cut: squares. */
export function kindOf(state, side) {
  switch (state) {
    case "me": return "star";
    case "down": return "cross";
    case "stale": return side ? "frame" : "hollow";
    case "bad": return "slashed";
    case "holder": return "diamond";
  }
  return side ? "square" : "disc";
}

export function colourOf(state, side, colours) {
  switch (state) {
    case "me": return colours.me;
    case "down": return colours.dead;
    case "holder": return colours.target;
    case "bad": return colours.dead;
    case "other": return side ? colours.side : colours.other;
  }
  return side ? colours.side : colours.contact;
}

/** ofStep is the shape and colour of a contact in a lookup. */
export const ofStep = {
  asked: ["hollow", "asked"], late: ["hollow", "asked"], answered: ["disc", "answered"],
  failed: ["cross", "dead"], stored: ["diamond", "answered"], refused: ["slashed", "dead"],
};
