// The email that tells what a completed job came to. Pure.
import type { Summary } from "@nightbell/contract";
import { chartSize, drawChart, topOfChart } from "./chart.js";
import type { Mail } from "./mailer.js";
import type { CompletionMailRow } from "./queries.js";

const CHART_CID = "chart@nightbell";

export function completionMail(row: CompletionMailRow, publicUrl: string | null): Mail {
  const { summary, series } = row;
  const facts = factsOf(row);
  const verdict = verdictOf(summary);
  const instant = instantFormat(row.timeZone);
  const [from, to] = [instant(summary.from), instant(summary.to)];
  const links =
    publicUrl === null ? null : { job: `${publicUrl}/jobs/${row.jobId}`, profile: `${publicUrl}/profile` };
  const top = topOfChart(series.points);
  const hasChart = series.points.length > 0;
  const reason = "You get this because you started the job";
  return {
    to: { address: row.recipient, name: row.recipientName },
    subject: `Completed: ${row.title}`,
    messageId: row.messageId,
    text: [
      `${row.title} has completed.`,
      verdict,
      "",
      ...facts.map(([term, value]) => `${`${term}:`.padEnd(TERM_WIDTH)}${value}`),
      "",
      ...(links === null ? [] : [`All samples and the chart: ${links.job}`, ""]),
      `${reason}${links === null ? "" : `; your profile turns such emails off: ${links.profile}`}.`,
      "",
    ].join("\n"),
    html: page(`
      <h1 style="margin:0 0 4px;font-size:20px;line-height:1.3">${escape(row.title)}</h1>
      <p style="margin:0 0 20px;font-size:15px">Has completed. ${escape(verdict)}</p>
      ${hasChart ? chartHtml(summary, { from, to, top }) : ""}
      <table role="presentation" cellpadding="0" cellspacing="0" style="width:100%;border-collapse:collapse;font-size:14px">
        ${facts.map(([term, value]) => factHtml(term, value)).join("\n        ")}
      </table>
      ${links === null ? "" : `<p style="margin:24px 0 0;font-size:15px"><a href="${escape(links.job)}" style="color:#2f7de1">Open the job</a></p>`}
      <p class="soft" style="margin:24px 0 0;font-size:12px">${reason}${
        links === null
          ? "."
          : `; <a href="${escape(links.profile)}" style="color:#2f7de1">your profile</a> turns such emails off.`
      }</p>`),
    images: hasChart ? [{ cid: CHART_CID, fileName: "chart.png", png: drawChart(series.points) }] : [],
  };
}

/** One sentence that says how it went. */
function verdictOf({ sampleCount, successCount, missedCount, lossPercent }: Summary): string {
  if (sampleCount === 0) return "Nothing was measured.";
  if (missedCount === 0) return successCount > 0 ? "Every probe was answered." : "No probe could be sent.";
  if (successCount === 0) return "No probe was answered.";
  return `${count(missedCount)} of ${count(successCount + missedCount)} probes were lost (${lossPercent} %).`;
}

function factsOf(row: CompletionMailRow): [term: string, value: string][] {
  const { summary } = row;
  const instant = instantFormat(row.timeZone);
  const { sampleCount, expectedCount, systemErrorCount, duplicateReplies, lateReplies } = summary;
  const missing = expectedCount - sampleCount;
  const lines: [string, string | null][] = [
    ["Target", `${row.target} (${row.type}, every ${row.cadenceMs / 1_000} s)`],
    ["From", instant(summary.from)],
    ["To", instant(summary.to)],
    ["Samples", `${count(sampleCount)}${missing > 0 ? `, ${count(missing)} missing` : ""}`],
    [
      "Lost",
      summary.lossPercent === null ? null : `${count(summary.missedCount)} (${summary.lossPercent} %)`,
    ],
    ["Own errors", systemErrorCount === 0 ? null : count(systemErrorCount)],
    ["Average RTT", rtt(summary.avgRttMs)],
    ["Median", rtt(summary.p50RttMs)],
    ["95 % below", rtt(summary.p95RttMs)],
    ["99 % below", rtt(summary.p99RttMs)],
    ["Fastest", rtt(summary.minRttMs)],
    ["Slowest", rtt(summary.maxRttMs)],
    ["Average jitter", rtt(summary.avgJitterMs)],
    ["Duplicate replies", duplicateReplies === 0 ? null : count(duplicateReplies)],
    ["Late replies", lateReplies === 0 ? null : count(lateReplies)],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== null);
}

const TERM_WIDTH = 20;

/** The picture with its scale in words beside it, as it holds no text itself. */
function chartHtml(
  summary: Summary,
  { from, to, top }: { from: string; to: string; top: number | null },
): string {
  const scale = top === null ? "no answers" : `round-trip time, tallest bar ${rtt(top)}`;
  const alt = `Round-trip times from ${from} to ${to}: average ${rtt(summary.avgRttMs) ?? "unknown"}, ${count(summary.missedCount)} lost.`;
  return `
      <p class="soft" style="margin:0 0 6px;font-size:12px">${scale}; lighter: 95th percentile; below: <span style="color:#e5484d">lost</span>, not measured in grey</p>
      <img src="cid:${CHART_CID}" width="${chartSize.width}" height="${chartSize.height}" alt="${escape(alt)}"
        style="display:block;width:100%;max-width:${chartSize.width}px;height:auto;border:0">
      <table role="presentation" cellpadding="0" cellspacing="0" style="width:100%;margin:4px 0 20px;font-size:12px"><tr>
        <td class="soft" align="left">${from}</td><td class="soft" align="right">${to}</td>
      </tr></table>`;
}

function factHtml(term: string, value: string): string {
  return `<tr><td class="soft line" style="padding:6px 16px 6px 0;white-space:nowrap">${term}</td><td class="line" align="right" style="padding:6px 0;word-break:break-word">${escape(value)}</td></tr>`;
}

/** Light, and dark where the client says so; clients that strip the style sheet keep the light one. */
function page(content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <meta name="color-scheme" content="light dark">
  <meta name="supported-color-schemes" content="light dark">
  <style>
    :root { color-scheme: light dark; }
    .page { background: #ffffff; color: #1b1f24; }
    .soft { color: #5f6873; }
    .line { border-bottom: 1px solid #e3e6ea; }
    @media (prefers-color-scheme: dark) {
      .page { background: #14171b !important; color: #e8eaed !important; }
      .soft { color: #a2abb6 !important; }
      .line { border-bottom-color: #2c323a !important; }
    }
  </style>
</head>
<body class="page" style="margin:0;padding:0">
  <div class="page" style="padding:24px 16px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
    <div style="max-width:${chartSize.width}px;margin:0 auto">${content}
    </div>
  </div>
</body>
</html>
`;
}

function rtt(ms: number): string;
function rtt(ms: number | null): string | null;
function rtt(ms: number | null): string | null {
  if (ms === null) return null;
  return ms < 1_000 ? `${Number(ms.toPrecision(3))} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Day and time in the zone of the reader, which it names. */
function instantFormat(timeZone: string): (instant: string) => string {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  });
  return (instant) => format.format(new Date(instant));
}

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
