/** Terms and their values, a line each. */
export function Facts({ rows }: { rows: readonly (readonly [term: string, value: string])[] }) {
  return (
    <dl className="px-4 py-2 sm:px-5">
      {rows.map(([term, value]) => (
        <div
          key={term}
          className="flex justify-between gap-4 border-b border-line/60 py-1.5 text-sm last:border-b-0"
        >
          <dt className="shrink-0 text-soft">{term}</dt>
          <dd className="num min-w-0 text-right [overflow-wrap:anywhere]">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
