/**
 * DNS messages (RFC 1035, EDNS of RFC 6891): the one query a probe sends, and a reader of answers that believes no
 * length. Libraries at hand take the size of a record from its type and read on past what the record itself announced.
 */
import { presentRdata } from "./dns-rdata.js";
import { DnsFormatError, WireReader } from "./dns-wire.js";

export interface DnsQuestion {
  name: string;
  type: number;
}

export interface DnsRecord {
  name: string;
  type: number;
  ttl: number;
  /** The data in presentation form: `10 mail.example.org` for MX. */
  text: string;
}

export interface DnsMessage {
  isResponse: boolean;
  /** Then no records are read: the last one may be cut. */
  isTruncated: boolean;
  /** With the upper bits that EDNS adds. */
  rcode: number;
  question: DnsQuestion | null;
  answers: DnsRecord[];
}

/** Fits a packet on every path (DNS flag day 2020); without EDNS a server truncates at 512 bytes. */
const UDP_PAYLOAD_BYTES = 1_232;
const CLASS_IN = 1;
const TYPE_OPT = 41;
const FLAG_RECURSION_DESIRED = 0x0100;

/** `question.name` is canonical: ASCII labels of at most 63 bytes, or `.` for the root. */
export function encodeQuery(id: number, question: DnsQuestion, recursionDesired: boolean): Buffer {
  const labels = question.name === "." ? [] : question.name.split(".");
  const name = labels.flatMap((label) => [label.length, ...Buffer.from(label, "ascii")]);
  const header = [id, recursionDesired ? FLAG_RECURSION_DESIRED : 0, 1, 0, 0, 1].flatMap(uint16);
  const opt = [0, ...uint16(TYPE_OPT), ...uint16(UDP_PAYLOAD_BYTES), 0, 0, 0, 0, 0, 0];
  return Buffer.from([...header, ...name, 0, ...uint16(question.type), ...uint16(CLASS_IN), ...opt]);
}

/** The id of a message, null when it is too short to have one. */
export function messageId(bytes: Buffer): number | null {
  return bytes.length < 2 ? null : bytes.readUInt16BE(0);
}

/** Throws DnsFormatError for anything that is not a whole message. */
export function decodeMessage(bytes: Buffer): DnsMessage {
  const reader = new WireReader(bytes);
  reader.uint16();
  const flags = reader.uint16();
  const [questions, answerCount, authorities, additionals] = [
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
  ];
  if (questions > 1) throw new DnsFormatError(`${questions} questions`);
  const question = questions === 1 ? readQuestion(reader) : null;
  const message: DnsMessage = {
    isResponse: (flags & 0x8000) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    rcode: flags & 0x000f,
    question,
    answers: [],
  };
  if (message.isTruncated) return message;
  for (let i = 0; i < answerCount; i++) {
    const record = readRecord(reader);
    message.answers.push({ ...record, text: presentRdata(record.type, record.rdata) });
  }
  for (let i = 0; i < authorities + additionals; i++) {
    const { type, ttl } = readRecord(reader);
    if (type === TYPE_OPT) message.rcode |= (ttl >>> 24) << 4;
  }
  return message;
}

function readQuestion(reader: WireReader): DnsQuestion {
  const question = { name: reader.name(), type: reader.uint16() };
  reader.uint16();
  return question;
}

function readRecord(reader: WireReader): Omit<DnsRecord, "text"> & { rdata: WireReader } {
  const name = reader.name();
  const type = reader.uint16();
  reader.uint16();
  const ttl = reader.uint32();
  return { name, type, ttl, rdata: reader.part(reader.uint16()) };
}

function uint16(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}
