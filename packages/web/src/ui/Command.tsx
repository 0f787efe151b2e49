// A line for a shell, to be copied.
import { Button } from "./Button.js";
import { toast } from "./toasts.js";

export function Command({ label, text }: { label: string; text: string }) {
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
