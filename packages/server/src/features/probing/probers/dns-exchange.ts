// One DNS query over a socket of its own, and the answer that belongs to it; no retry, no second transport.
import type { ResolvedAddress } from "../address.js";
import { type Attempt, endpointText, ProbeFailure, WAITING } from "./attempt.js";
import { connectionFailure, connectTo } from "./connection.js";
import { sendDatagram } from "./datagram.js";
import { decodeMessage, type DnsMessage, type DnsQuestion, messageId } from "./dns-message.js";
import { DnsFormatError } from "./dns-wire.js";

export interface DnsQuery {
  id: number;
  question: DnsQuestion;
  bytes: Buffer;
}

/**
 * Over UDP. Packets with another id or question are somebody's guesses and are ignored (RFC 5452); the right id on a
 * broken message is not.
 */
export function queryUdp(
  current: Attempt,
  to: ResolvedAddress,
  port: number,
  query: DnsQuery,
): Promise<DnsMessage> {
  const endpoint = endpointText(to.address, port);
  let ignored = 0;
  return sendDatagram(current, to, port, query.bytes, "query", (bytes) => {
    const answer = messageId(bytes) === query.id ? readAnswer(bytes, query, endpoint) : null;
    if (answer === null) current.awaits(endpoint, `${WAITING}, ${++ignored} foreign packets ignored`);
    return answer;
  });
}

/** Over TCP with the two bytes of length before each message (RFC 7766); the connect is a phase of its own. */
export async function queryTcp(
  current: Attempt,
  to: ResolvedAddress,
  port: number,
  query: DnsQuery,
): Promise<DnsMessage> {
  const { socket, endpoint } = await connectTo(current, to, port);
  current.awaits(endpoint, WAITING);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.bytes.length);
  socket.write(Buffer.concat([length, query.bytes]));
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const size = received.length < 2 ? Infinity : received.readUInt16BE();
      if (received.length >= size + 2) resolve(received.subarray(2, size + 2));
    });
    socket.on("error", (error) => reject(connectionFailure(error, current, endpoint)));
    socket.once("end", () => {
      const announced = received.length < 2 ? null : received.readUInt16BE();
      reject(
        announced === null
          ? new ProbeFailure("connection_closed", `${endpoint} closed the connection (${WAITING})`)
          : malformed(endpoint, `${announced} bytes announced, ${received.length - 2} sent`),
      );
    });
  });
  current.endPhase("query");
  const answer = messageId(bytes) === query.id ? readAnswer(bytes, query, endpoint) : null;
  if (answer === null) throw malformed(endpoint, "another question than the one asked");
  return answer;
}

/** The answer to the query, null when it belongs to another question. Throws ProbeFailure when it is broken. */
function readAnswer(bytes: Buffer, { question }: DnsQuery, endpoint: string): DnsMessage | null {
  try {
    const message = decodeMessage(bytes);
    if (!message.isResponse) throw new DnsFormatError("a query instead of an answer");
    // Servers that could not read the question leave it out.
    if (message.question === null) {
      if (message.rcode === 0) throw new DnsFormatError("an answer without its question");
      return message;
    }
    const { name, type } = message.question;
    return name.toLowerCase() === question.name && type === question.type ? message : null;
  } catch (error) {
    throw error instanceof DnsFormatError ? malformed(endpoint, error.message) : error;
  }
}

function malformed(endpoint: string, what: string): ProbeFailure {
  return new ProbeFailure("dns_malformed", `${endpoint} sent a malformed answer: ${what}`);
}
