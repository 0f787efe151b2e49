// A real SMTP server on loopback that keeps what it takes, and can be made to refuse it.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer } from "smtp-server";

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came over the wire. */
  readonly raw: string;
  readonly parsed: Email;
}

export interface MailServer extends AsyncDisposable {
  readonly port: number;
  /** For SMTP_URL. */
  readonly url: string;
  readonly received: ReceivedMail[];
  /** What it answers to the recipient, from now on; null accepts. */
  refuseRecipient: { code: number; text: string } | null;
  /** Called with a whole message before it is confirmed; the server answers when it resolves. */
  beforeConfirming: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface MailServerOptions {
  readonly port?: number;
  readonly credentials?: { user: string; password: string };
}

export async function startMailServer({
  port = 0,
  credentials,
}: MailServerOptions = {}): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  const server = new SMTPServer({
    disabledCommands: credentials === undefined ? ["AUTH", "STARTTLS"] : ["STARTTLS"],
    allowInsecureAuth: true,
    authOptional: credentials === undefined,
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth({ username, password }, _session, done) {
      if (username === credentials?.user && password === credentials?.password)
        done(null, { user: username });
      else done(new Error("Invalid credentials"));
    },
    onRcptTo(_address, _session, done) {
      const refusal = world.refuseRecipient;
      done(refusal === null ? null : Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const raw = Buffer.concat(chunks).toString("utf8");
        const { mailFrom, rcptTo } = session.envelope;
        const keep = async () => {
          received.push({
            from: mailFrom === false ? "" : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            raw,
            parsed: await PostalMime.parse(raw),
          });
          await world.beforeConfirming();
          done();
        };
        void keep();
      });
    },
  });
  server.on("error", () => undefined); // Clients that break off.
  server.listen(port, "127.0.0.1");
  await once(server.server, "listening");
  const { port: actual } = server.server.address() as AddressInfo;
  const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));
  const world: MailServer = {
    port: actual,
    url: `smtp://127.0.0.1:${actual}`,
    received,
    refuseRecipient: null,
    beforeConfirming: async () => undefined,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return world;
}
