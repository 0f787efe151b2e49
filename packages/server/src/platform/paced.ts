// Something that may be wanted very often and is done now and then: at once, and what was wanted soon after, once more at
// the end of a pause. So the last wish is never left out.
export class Paced {
  readonly #pauseMs: number;
  readonly #act: (key: string) => void;
  /** Of each key within its pause, whether it is wanted again. */
  readonly #pauses = new Map<string, { timer: NodeJS.Timeout; isWanted: boolean }>();

  /** `act` must not throw. */
  constructor(pauseMs: number, act: (key: string) => void) {
    this.#pauseMs = pauseMs;
    this.#act = act;
  }

  want(key: string): void {
    const pause = this.#pauses.get(key);
    if (pause === undefined) this.#begin(key);
    else pause.isWanted = true;
  }

  /** Does at once what is still wanted. */
  close(): void {
    for (const [key, { timer, isWanted }] of this.#pauses) {
      clearTimeout(timer);
      if (isWanted) this.#act(key);
    }
    this.#pauses.clear();
  }

  #begin(key: string): void {
    const timer = setTimeout(() => {
      const isWanted = this.#pauses.get(key)?.isWanted;
      this.#pauses.delete(key);
      if (isWanted === true) this.#begin(key);
    }, this.#pauseMs);
    timer.unref();
    this.#pauses.set(key, { timer, isWanted: false });
    this.#act(key);
  }
}
