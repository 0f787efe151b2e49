// Notices that another process no longer answers although it lives: stopped, swapped out, or in an endless loop.

const INTERVAL_MS = 1_000;
/** Counted, not timed: while this process itself stands still, nothing is missed. */
const SILENT_AFTER_MISSED = 5;

export interface HeartbeatOptions {
  /** Asks the other process, which is to end in a call of `answered`; at most one question is open. */
  readonly ask: () => void;
  /** `since`: its last answer. */
  readonly onSilent: (since: Date) => void;
  readonly onAnsweringAgain: (silentForMs: number) => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #timer: NodeJS.Timeout;
  #answeredAt = new Date();
  #isOpen = false;
  #missed = 0;

  /** Begins at once, with a process that answers. */
  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#beat(), INTERVAL_MS).unref();
  }

  answered(): void {
    const silentForMs = Date.now() - this.#answeredAt.getTime();
    const wasSilent = this.#missed >= SILENT_AFTER_MISSED;
    this.#answeredAt = new Date();
    this.#isOpen = false;
    this.#missed = 0;
    if (wasSilent) this.#options.onAnsweringAgain(silentForMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#options.ask();
      return;
    }
    this.#missed += 1;
    if (this.#missed === SILENT_AFTER_MISSED) this.#options.onSilent(this.#answeredAt);
  }
}
