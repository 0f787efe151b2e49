// Probes each address in turn with the compiled engine and prints what came of it as one line of JSON.
// usage: node probe.mjs DIST_FOLDER ADDRESS…
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [dist, ...addresses] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(join(dist, "features/probing/icmp", file)).href);
const { IcmpEngine } = await load("engine.js");
const { ResultKind } = await load("rings.js");
const kinds = Object.fromEntries(Object.entries(ResultKind).map(([name, kind]) => [kind, name]));

let show;
const engine = await IcmpEngine.start({
  onResult: ({ kind, rttNs, icmpType, icmpCode, errno, source }) =>
    show({ kind: kinds[kind], rttNs, icmpType, icmpCode, errno, source }),
}).catch((error) => {
  console.log(JSON.stringify({ refusal: error.message, code: error.code }));
  process.exit();
});
const echoes = [];
for (const address of addresses) {
  const target = engine.addTarget(address, { payloadBytes: 56, ttl: 64 });
  echoes.push(
    await new Promise((resolve) => {
      show = resolve;
      engine.submit(target, 0, Date.now(), 300);
    }),
  );
}
console.log(JSON.stringify({ mode: engine.ipv4, echoes, stats: engine.stats() }));
await engine.close();
