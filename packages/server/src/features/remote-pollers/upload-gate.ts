// How many uploads are taken, and how many at once: decided before anything of one is read, or costs anything.
//
// An upload has a place from its headers on, among those that arrive, of which each token has some: a slow line, or one
// who sends slowly on purpose, keeps nobody else out. Once it has arrived it needs one of the few places of those that are
// unpacked, read and stored. Both end with the answer or the connection, but not before what is under way by then.
import type { ServerResponse } from "node:http";
import { AccountShares } from "../../platform/account-shares.js";
import type { Clock } from "../../platform/clock.js";
import { NightbellError } from "../../platform/errors.js";
import { RateLimiter } from "../../platform/limits.js";
import { Semaphore } from "../../platform/semaphore.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Only on the route of uploads. */
    uploadPlace: UploadPlace | null;
  }
}

/** Of one token: a poller sends five a second at 10,000 samples a second, and one in two seconds when it has little. */
const UPLOADS_PER_SECOND = 10;
/** What may come at once after a pause. */
const BURST = 20;
/** Each holds a megabyte at most. */
const ARRIVING_AT_ONCE = 128;
const ARRIVING_OF_TOKEN = 8;
/** Each holds some megabytes; pollers keep what is refused, and come again. */
const WORKING_AT_ONCE = 16;

export class UploadGate {
  readonly #rate: RateLimiter;
  readonly #arriving = new AccountShares({
    concurrency: ARRIVING_AT_ONCE,
    perAccount: ARRIVING_OF_TOKEN,
    refusals: {
      tooMany: "This server takes as many uploads of remote pollers as it can; send this one again.",
      tooManyOfYours:
        "This server takes as many uploads of one token as it does at once; send this one again.",
    },
  });
  readonly #working = new Semaphore(
    { concurrency: WORKING_AT_ONCE, queue: 0 },
    () =>
      new NightbellError(
        "rate_limited",
        "This server takes as many uploads of remote pollers as it can; send this one again.",
        { retryAfterSeconds: 1 },
      ),
  );

  constructor(clock: Clock) {
    this.#rate = new RateLimiter({ count: BURST, perMs: (BURST / UPLOADS_PER_SECOND) * 1_000 }, clock);
  }

  /** Takes a place for an upload that is about to be read. Throws `rate_limited`. */
  enter(tokenId: string, response: ServerResponse): UploadPlace {
    const { allowed, retryAfterMs } = this.#rate.consume(tokenId);
    if (!allowed) {
      throw new NightbellError(
        "rate_limited",
        `Pollers with this token upload more than ${UPLOADS_PER_SECOND} times a second; use several tokens.`,
        { retryAfterSeconds: Math.ceil(retryAfterMs / 1_000) },
      );
    }
    return new UploadPlace(this.#arriving.take(tokenId), this.#working, response);
  }
}

export class UploadPlace {
  readonly #working: Semaphore;
  readonly #leave: (() => void)[];
  #isWorking = false;
  #underWay = 0;
  #isOver = false;

  constructor(leave: () => void, working: Semaphore, response: ServerResponse) {
    this.#leave = [leave];
    this.#working = working;
    response.once("close", () => {
      this.#isOver = true;
      this.#leaveWhenDone();
    });
  }

  /** Does a part of what the upload needs. Throws `rate_limited` when too many others are at it. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#isWorking) {
      this.#leave.push(this.#working.take());
      this.#isWorking = true;
    }
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
      this.#leaveWhenDone();
    }
  }

  #leaveWhenDone(): void {
    if (!this.#isOver || this.#underWay > 0) return;
    this.#isWorking = false;
    for (const leave of this.#leave.splice(0)) leave();
  }
}
