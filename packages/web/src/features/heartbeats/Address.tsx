import { Command } from "../../ui/Command.js";
import { Notice } from "../../ui/states.js";

/** An address just made, as commands to copy. Retries bridge a restart of Nightbell, which loses what nobody takes. */
export function Address({ path }: { path: string }) {
  const url = new URL(path, window.location.href).href;
  const command = (suffix: string) =>
    `curl -fsS -m 10 --retry 5 --retry-all-errors -o /dev/null ${url}${suffix}`;
  return (
    <div className="grid gap-4 p-4 sm:p-5">
      <Notice tone="warn" title="Copy it now: it is not shown again">
        Whoever knows it can report in. If it is lost, make a new one.
      </Notice>
      <Command label="When all is well" text={command("")} />
      <Command label="When it has failed" text={command("/fail")} />
    </div>
  );
}
