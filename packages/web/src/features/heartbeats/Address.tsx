import { Button } from "../../ui/Button.js";
import { Notice } from "../../ui/states.js";
import { toast } from "../../ui/toasts.js";

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

function Command({ label, text }: { label: string; text: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast("good", "Copied");
    } catch {
      // Without https there is no clipboard for pages.
      toast("missed", "The browser does not let this page copy; select the text instead.");
    }
  };
  return (
    <div>
      <div className="mb-1.5 flex items-end justify-between gap-4">
        <p className="text-sm font-medium">{label}</p>
        <Button size="sm" aria-label={`Copy: ${label.toLowerCase()}`} onClick={() => void copy()}>
          Copy
        </Button>
      </div>
      <p className="code rounded-md border border-line bg-sunken px-3 py-2 text-xs select-all [overflow-wrap:anywhere]">
        {text}
      </p>
    </div>
  );
}
