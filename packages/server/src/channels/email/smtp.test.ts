import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { startMailServer } from "../../../test/mail-server.js";
import { closeServers, openConnections, serveTcp } from "../../../test/servers.js";
import type { Mail } from "../../features/notifications/index.js";
import { createSmtpMailer } from "./smtp.js";

const from = "Nightbell <nightbell@example.org>";
const forever = new AbortController().signal;
const mail = (more: Partial<Mail> = {}): Mail => ({
  to: { name: "Ada Lovelace", address: "ada@example.org" },
  subject: "Completed: Gateway",
  text: "It has completed.",
  html: "<p>It has completed.</p>",
  images: [],
  messageId: `<${randomUUID()}@example.org>`,
  ...more,
});
afterEach(closeServers);

describe("a mail", () => {
  test("arrives with its parts, its sender and its recipient", async () => {
    await using server = await startMailServer();
    const png = Buffer.from([1, 2, 3, 250]);
    const sent = mail({ images: [{ cid: "chart@nightbell", fileName: "chart.png", png }] });
    const delivery = await createSmtpMailer({ url: server.url, from }).send(sent, forever);
    expect(delivery).toMatchObject({ isTaken: true, response: expect.stringMatching(/^250 /) as string });
    expect(server.received).toHaveLength(1);
    const [received] = server.received;
    expect(received).toMatchObject({
      from: "nightbell@example.org",
      to: ["ada@example.org"],
      parsed: {
        subject: "Completed: Gateway",
        messageId: sent.messageId,
        from: { name: "Nightbell", address: "nightbell@example.org" },
        to: [{ name: "Ada Lovelace", address: "ada@example.org" }],
        attachments: [{ contentId: "<chart@nightbell>", mimeType: "image/png", disposition: "inline" }],
      },
    });
    expect(received?.parsed.text?.trim()).toBe(sent.text);
    expect(received?.parsed.html?.trim()).toBe(sent.html);
    expect(Buffer.from(received?.parsed.attachments[0]?.content as ArrayBuffer)).toEqual(png);
    expect(received?.raw).toMatch(/^Auto-Submitted: auto-generated\r$/m);
  });

  test("takes no header from its title or from a name", async () => {
    await using server = await startMailServer();
    const evil = "Gateway\r\nBcc: eve@example.org\r\n\r\nbody\u2028X: y";
    await createSmtpMailer({ url: server.url, from }).send(
      mail({ subject: evil, to: { name: `${evil}" <eve@example.org>, "`, address: "ada@example.org" } }),
      forever,
    );
    const [received] = server.received;
    expect(received?.to).toEqual(["ada@example.org"]);
    expect(received?.parsed.headers.map(({ key }) => key)).not.toContain("bcc");
    expect(received?.parsed.subject).toBe("Gateway Bcc: eve@example.org body X: y");
    expect(received?.parsed.to?.map(({ address }) => address)).toEqual(["ada@example.org"]);
    expect(received?.parsed.text?.trim()).toBe("It has completed.");
  });
});

describe("a server", () => {
  test.each([
    [450, false],
    [550, true],
  ])("that answers %i to the recipient refuses for good: %s", async (code, isFinal) => {
    await using server = await startMailServer();
    server.refuseRecipient = { code, text: "mailbox trouble" };
    expect(await createSmtpMailer({ url: server.url, from }).send(mail(), forever)).toEqual({
      isTaken: false,
      isFinal,
      reason: `the mail server 127.0.0.1:${server.port} refused the message: ${code} mailbox trouble`,
    });
    expect(server.received).toEqual([]);
  });

  test("is told who it is that sends; a log-in that it refuses is not the message's fault", async () => {
    await using server = await startMailServer({ credentials: { user: "night", password: "b@ll:/" } });
    const withPassword = (password: string) =>
      createSmtpMailer({
        url: `smtp://night:${encodeURIComponent(password)}@127.0.0.1:${server.port}`,
        from,
      }).send(mail(), forever);
    expect(await withPassword("b@ll:/")).toMatchObject({ isTaken: true });
    const refused = await withPassword("wrong");
    expect(refused).toMatchObject({
      isTaken: false,
      isFinal: false,
      reason: expect.stringContaining("refused the log-in of SMTP_URL: 535") as string,
    });
    expect(JSON.stringify(refused)).not.toContain("wrong");
  });

  test("that is not there is tried again", async () => {
    const server = await startMailServer();
    await server.stop();
    expect(await createSmtpMailer({ url: server.url, from }).send(mail(), forever)).toMatchObject({
      isTaken: false,
      isFinal: false,
      reason: expect.stringContaining(`the mail server 127.0.0.1:${server.port} cannot be used`) as string,
    });
  });

  test.each([
    ["greets nobody", []],
    ["falls silent after its greeting", ["220 here\r\n"]],
    ["falls silent after hello", ["220 here\r\n", "250 hello\r\n"]],
    ["falls silent after the sender", ["220 here\r\n", "250 hello\r\n", "250 yes\r\n"]],
    [
      "takes the message and never confirms it",
      ["220 here\r\n", "250 hello\r\n", "250 yes\r\n", "250 yes\r\n", "354 go on\r\n"],
    ],
  ])("that %s is given up in time, with its connection", async (_name, answers) => {
    const port = await serveTcp((socket) => {
      const left = [...answers];
      const next = () => void (left.length > 0 && socket.write(left.shift() ?? ""));
      next();
      socket.on("data", next);
    });
    const mailer = createSmtpMailer({ url: `smtp://127.0.0.1:${port}`, from, stepTimeoutMs: 150 });
    expect(await mailer.send(mail(), forever)).toEqual({
      isTaken: false,
      isFinal: false,
      reason: `the mail server 127.0.0.1:${port} did not answer in time`,
    });
    await expect.poll(openConnections).toBe(0);
  });

  test("that drips its answer forever is given up too", async () => {
    const port = await serveTcp((socket) => {
      const drip = setInterval(() => socket.write("220-not yet\r\n"), 20);
      socket.on("close", () => clearInterval(drip));
    });
    const mailer = createSmtpMailer({ url: `smtp://127.0.0.1:${port}`, from, totalTimeoutMs: 300 });
    expect(await mailer.send(mail(), forever)).toMatchObject({
      isTaken: false,
      reason: expect.stringContaining("it took longer than 0.3 s") as string,
    });
    await expect.poll(openConnections).toBe(0);
  });

  test("is left at once when the program stops", async () => {
    const port = await serveTcp(() => undefined);
    const stop = new AbortController();
    const sending = createSmtpMailer({ url: `smtp://127.0.0.1:${port}`, from }).send(mail(), stop.signal);
    await expect.poll(openConnections).toBe(1);
    stop.abort();
    expect(await sending).toMatchObject({ isTaken: false, isFinal: false });
    await expect.poll(openConnections).toBe(0);
  });
});
