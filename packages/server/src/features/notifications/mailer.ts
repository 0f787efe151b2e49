// What sends emails; a channel implements it.

export interface MailImage {
  /** The HTML refers to it as `cid:<cid>`. */
  readonly cid: string;
  readonly fileName: string;
  readonly png: Buffer;
}

export interface Mail {
  readonly to: { readonly address: string; readonly name: string };
  /** In one line. */
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly images: readonly MailImage[];
  /** With its angle brackets. */
  readonly messageId: string;
}

export type Delivery =
  /** The server has taken it, in these words. */
  | { readonly isTaken: true; readonly response: string }
  /** `isFinal`: another attempt would be refused too. */
  | { readonly isTaken: false; readonly isFinal: boolean; readonly reason: string };

export interface Mailer {
  /** Of the sender's address; Message-IDs end in it. */
  readonly domain: string;
  /** Never throws, and takes a bounded time; ends at once when the signal aborts. */
  send(mail: Mail, signal: AbortSignal): Promise<Delivery>;
}
