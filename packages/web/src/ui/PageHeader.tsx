import type { ReactNode } from "react";

export function PageHeader({ title, children }: { title: ReactNode; children?: ReactNode }) {
  return (
    <header className="flex min-h-20 flex-wrap items-center justify-between gap-x-6 gap-y-3 py-5 sm:min-h-24">
      <h1 className="min-w-0 text-2xl font-semibold">{title}</h1>
      {children !== undefined && <div className="flex flex-wrap gap-2">{children}</div>}
    </header>
  );
}
