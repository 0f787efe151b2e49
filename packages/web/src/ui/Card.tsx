import type { ReactNode } from "react";

/** A titled part of a page. */
export function Card({
  title,
  note,
  aside,
  children,
  className = "",
}: {
  title?: string;
  /** Beside the title, in small. */
  note?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`min-w-0 rounded-lg border border-line bg-surface ${className}`}>
      {title !== undefined && (
        <header className="flex min-h-12 flex-wrap items-center justify-between gap-x-4 gap-y-2 border-b border-line px-4 py-2 sm:px-5">
          <div className="flex flex-wrap items-baseline gap-x-3">
            <h2 className="text-md font-semibold tracking-[-0.005em]">{title}</h2>
            {note !== undefined && <p className="num text-xs text-faint">{note}</p>}
          </div>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

export function Kbd({ children }: { children: string }) {
  return (
    <kbd className="inline-grid h-5 min-w-5 place-items-center rounded-sm border border-line bg-sunken px-1 font-sans text-2xs text-faint">
      {children}
    </kbd>
  );
}
