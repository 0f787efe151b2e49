import type { ReactNode } from "react";
import { Wordmark } from "../../ui/Brand.js";

/** The two halves of the pages before the log-in: what Nightbell is, and the form. */
export function AccountFrame({
  title,
  lead,
  children,
}: {
  title: string;
  lead: string;
  children: ReactNode;
}) {
  return (
    <div className="grid min-h-full lg:grid-cols-[1fr_1.1fr]">
      <main id="main" className="flex flex-col px-6 py-8 sm:px-12">
        <Wordmark />
        <div className="m-auto w-full max-w-sm py-12">
          <h1 className="text-2xl font-semibold">{title}</h1>
          <p className="mt-2 mb-8 text-soft text-pretty">{lead}</p>
          {children}
        </div>
      </main>
      <aside
        className="relative hidden overflow-hidden border-l border-line bg-sunken lg:block"
        aria-hidden="true"
      >
        <NightTrace />
      </aside>
    </div>
  );
}

const WIDTH = 720;
const HEIGHT = 900;

/** A night of round trips as a picture: calm lines, one outage. Drawn from a formula, so every visit sees the same. */
function NightTrace() {
  const rows = Array.from({ length: 19 }, (_, row) => tracePath(row));
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="xMidYMid slice"
      className="absolute inset-0 size-full"
    >
      {rows.map((path, row) => (
        <path
          key={path}
          d={path}
          strokeWidth={row === 9 ? 1.75 : 1.1}
          strokeLinejoin="round"
          className={`fill-sunken ${row === 9 ? "stroke-brass" : "stroke-signal"}`}
          strokeOpacity={row === 9 ? 0.95 : 0.18 + 0.34 * Math.exp(-(((row - 9) / 5) ** 2))}
        />
      ))}
    </svg>
  );
}

function tracePath(row: number): string {
  const base = 70 + row * 42;
  let path = "";
  for (let x = -10; x <= WIDTH + 10; x += 6) {
    const swell = Math.exp(-(((x - 390 - 9 * (row - 9)) / 95) ** 2)) * Math.exp(-(((row - 9) / 4.5) ** 2));
    const noise =
      Math.sin(x * 0.31 + row * 7.3) * Math.sin(x * 0.127 + row * 3.1) * Math.sin(x * 0.053 + row);
    const y = base - 7 * noise * (1 + 4 * swell) - 110 * swell * (0.86 + 0.14 * Math.sin(x * 0.23 + row * 2));
    path += `${path === "" ? "M" : "L"}${x} ${y.toFixed(1)}`;
  }
  return path;
}
