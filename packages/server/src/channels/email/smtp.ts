// Emails over SMTP (RFC 5321), a connection each: what is sent is rare, and one that hangs holds up no other.
import { isIP } from "node:net";
import MailComposer from "nodemailer/lib/mail-composer";
import SMTPConnection, { type SMTPConnectionOptions } from "nodemailer/lib/smtp-connection";
import type { Delivery, Mail, Mailer } from "../../features/notifications/index.js";

interface SmtpOptions {
  /** smtp://user:password@host:587, or smtps:// for TLS from the first byte. */
  readonly url: string;
  /** An address, or a name and an address in angle brackets. */
  readonly from: string;
  /** How long the server may keep silent at any step. */
  readonly stepTimeoutMs?: number;
  /** How long all of it may take. */
  readonly totalTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/**
 * Servers that scan a message before they take it need their time, and giving up too early means sending it twice; RFC
 * 5321 (4.5.3.2) asks for minutes.
 */
const STEP_TIMEOUT_MS = 60_000;
const TOTAL_TIMEOUT_MS = 180_000;
/** Longest answer of the server that is read and kept. */
const MAX_RESPONSE_BYTES = 64 * 1_024;
const MAX_REASON_LENGTH = 500;

const SUBMISSION_PORT = 587;
const TLS_PORT = 465;

export function createSmtpMailer(options: SmtpOptions): Mailer {
  const server = readServer(options);
  const from = readSender(options.from);
  return {
    domain: from.address.slice(from.address.lastIndexOf("@") + 1),
    async send(mail, signal) {
      const message = await compose(mail, from);
      return exchange(server, { from: from.address, to: mail.to.address }, message, signal);
    },
  };
}

interface Server {
  readonly connection: SMTPConnectionOptions;
  readonly credentials: { readonly user: string; readonly pass: string } | null;
  readonly totalTimeoutMs: number;
  /** Host and port, for sentences. */
  readonly name: string;
}

/**
 * TLS: from the first byte with smtps://; otherwise by STARTTLS, which must be there where a password is sent, and is not
 * asked of this very machine, whose mail servers seldom have a certificate that names it.
 */
function readServer({ url, stepTimeoutMs, totalTimeoutMs }: SmtpOptions): Server {
  const { protocol, hostname, port, username, password } = new URL(url);
  const isSecure = protocol === "smtps:";
  const host = hostname.replace(/^\[|\]$/g, "");
  const isLocal = host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
  const portNo = port === "" ? (isSecure ? TLS_PORT : SUBMISSION_PORT) : Number(port);
  const credentials =
    username === "" ? null : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  return {
    connection: {
      host,
      port: portNo,
      secure: isSecure,
      ignoreTLS: isLocal,
      requireTLS: !isSecure && !isLocal && credentials !== null,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      dnsTimeout: CONNECT_TIMEOUT_MS,
      greetingTimeout: stepTimeoutMs ?? STEP_TIMEOUT_MS,
      socketTimeout: stepTimeoutMs ?? STEP_TIMEOUT_MS,
      socketCloseTimeout: 0,
      maxResponseSize: MAX_RESPONSE_BYTES,
    },
    credentials,
    totalTimeoutMs: totalTimeoutMs ?? TOTAL_TIMEOUT_MS,
    name: `${hostname}:${portNo}`,
  };
}

function readSender(text: string): { name: string; address: string } {
  const [, name = "", address = text] = /^(.*)<(.*)>$/.exec(text) ?? [];
  return { name: name.trim().replace(/^"(.*)"$/, "$1"), address };
}

/** The message with its headers. What comes from people cannot add headers: names and addresses are passed apart. */
async function compose(mail: Mail, from: { name: string; address: string }): Promise<Buffer> {
  return new MailComposer({
    from,
    to: { name: inOneLine(mail.to.name), address: mail.to.address },
    subject: inOneLine(mail.subject),
    messageId: mail.messageId,
    // RFC 3834: nobody's holiday is to answer.
    headers: { "Auto-Submitted": "auto-generated" },
    text: mail.text,
    html: mail.html,
    attachments: mail.images.map(({ cid, fileName, png }) => ({
      cid,
      filename: fileName,
      content: png,
      contentType: "image/png",
      contentDisposition: "inline",
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build();
}

/** Control characters, line ends above all, would end a header. */
function inOneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
}

/** Connects, logs in, sends, says goodbye. */
function exchange(
  { connection: options, credentials, totalTimeoutMs, name }: Server,
  envelope: { from: string; to: string },
  message: Buffer,
  signal: AbortSignal,
): Promise<Delivery> {
  return new Promise((resolve) => {
    const connection = new SMTPConnection(options);
    const end = (delivery: Delivery) => {
      clearTimeout(deadline);
      signal.removeEventListener("abort", onAbort);
      resolve(delivery);
    };
    const fail = (error: Failure) => {
      end({ isTaken: false, isFinal: isRefusal(error), reason: reasonOf(error, name) });
      connection.close();
    };
    const onAbort = () => fail(new Error("the program stops"));
    const deadline = setTimeout(
      () => fail(new Error(`it took longer than ${totalTimeoutMs / 1_000} s`)),
      totalTimeoutMs,
    );
    const send = () =>
      connection.send(envelope, message, (error, info) => {
        if (error !== null) return fail(error);
        // The message is the server's now, whatever becomes of the goodbye.
        connection.quit();
        end({ isTaken: true, response: info?.response ?? "" });
      });

    signal.addEventListener("abort", onAbort);
    connection.on("error", fail);
    // It ends before an error tells why.
    connection.on("end", () => setImmediate(fail, new Error("the connection was closed")));
    if (signal.aborted) return onAbort();
    connection.connect((error) => {
      if (error) return fail(error);
      if (credentials === null) return send();
      connection.login({ credentials, ...credentials }, (refusal) => (refusal ? fail(refusal) : send()));
    });
  });
}

interface Failure extends Error {
  code?: string | undefined;
  responseCode?: number | undefined;
  response?: string | undefined;
}

/**
 * Whether the server refuses this message for good: 5xx to its sender, its recipient or itself. A server that refuses
 * the log-in or the connection is one to set right, after which the message goes through.
 */
function isRefusal({ code, responseCode = 0 }: Failure): boolean {
  const BAD_SEQUENCE = 503; // About this connection, not about the message.
  return (
    (code === "EENVELOPE" || code === "EMESSAGE") && responseCode >= 500 && responseCode !== BAD_SEQUENCE
  );
}

function reasonOf({ code, message, response }: Failure, server: string): string {
  const said = inOneLine(response ?? "").slice(0, MAX_REASON_LENGTH);
  switch (code) {
    case "ETIMEDOUT":
      return `the mail server ${server} did not answer in time`;
    case "EAUTH":
      return `the mail server ${server} refused the log-in of SMTP_URL${said === "" ? "" : `: ${said}`}`;
    case "EENVELOPE":
    case "EMESSAGE":
      return `the mail server ${server} refused the message: ${said === "" ? inOneLine(message) : said}`;
    default:
      return `the mail server ${server} cannot be used: ${inOneLine(message).slice(0, MAX_REASON_LENGTH)}`;
  }
}
