// Colours of the style sheet for the canvas, which cannot resolve variables itself.

const names = ["ink", "soft", "faint", "line", "surface", "signal", "missed", "fault", "warn"] as const;

export type Colours = Record<(typeof names)[number], string>;

/** Reads the colours as they are on the screen now. */
export function readColours(): Colours {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const entries = names.map((name) => {
    probe.style.color = `var(--color-${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  return Object.fromEntries(entries) as Colours;
}

/** Diagonal stripes, the mark of our own errors; `pixelRatio` keeps them as wide on every screen. */
export function hatch(colour: string, pixelRatio: number): CanvasPattern | string {
  const size = Math.round(5 * pixelRatio);
  const tile = document.createElement("canvas");
  tile.width = size;
  tile.height = size;
  const context = tile.getContext("2d");
  if (context === null) return colour;
  context.strokeStyle = colour;
  context.lineWidth = size * 0.34;
  context.beginPath();
  for (const offset of [-size, 0, size]) {
    context.moveTo(offset - 1, size + 1);
    context.lineTo(offset + size + 1, -1);
  }
  context.stroke();
  return context.createPattern(tile, "repeat") ?? colour;
}
