// Draws a block of lines on a terminal again and again in the same place.

/** The part of a tty.WriteStream that drawing needs. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const HIDE_CURSOR = "\u001B[?25l";
const SHOW_CURSOR = "\u001B[?25h";
const CLEAR_BELOW = "\u001B[J";
const upBy = (lines: number): string => (lines === 0 ? "" : `\u001B[${lines}A`);

/** Faster than this nobody can read. */
const REDRAW_INTERVAL_MS = 50;

export class LiveTable {
  readonly #terminal: Terminal;
  readonly #render: (isLast: boolean) => string[];
  #drawnLines = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(terminal: Terminal, render: (isLast: boolean) => string[]) {
    this.#terminal = terminal;
    this.#render = render;
    terminal.write(HIDE_CURSOR);
    this.#draw();
  }

  /** Something changed; drawn soon. */
  touch(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#draw();
    }, REDRAW_INTERVAL_MS);
  }

  /** Draws for the last time; what is written afterwards comes below. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#draw(true);
    this.#terminal.write(SHOW_CURSOR);
  }

  #draw(isLast = false): void {
    const lines = this.#render(isLast);
    // A block higher than the screen could not be drawn over: until the end its lower part is left out.
    const height = isLast ? lines.length : Math.max(1, (this.#terminal.rows ?? 24) - 1);
    const shown = lines.slice(0, height);
    this.#terminal.write(
      `${upBy(this.#drawnLines)}\r${CLEAR_BELOW}${shown.map((line) => `${line}\n`).join("")}`,
    );
    this.#drawnLines = shown.length;
  }
}
