/** What the marks mean; the same shapes as in the chart. */
export function ChartLegend() {
  return (
    <ul className="mt-3 flex flex-wrap gap-x-5 gap-y-1.5 text-xs text-faint">
      <Entry>
        <span className="h-0.5 w-4 rounded-full bg-signal" /> Average
      </Entry>
      <Entry>
        <span className="h-3 w-4 rounded-xs bg-signal/25" /> Lowest to highest
      </Entry>
      <Entry>
        <span className="h-3 w-1.5 rounded-xs bg-missed" /> Missed by the target
      </Entry>
      <Entry>
        <span className="h-3 w-4 rounded-xs hatch" /> System error of ours
      </Entry>
      <Entry>
        <span className="w-4 border-t-2 border-dotted border-faint" />
        Gap: not probed
      </Entry>
      <li className="ml-auto max-xl:hidden">Drag to zoom, double-click to go back</li>
    </ul>
  );
}

function Entry({ children }: { children: React.ReactNode }) {
  return <li className="flex items-center gap-1.5 [&>span]:shrink-0">{children}</li>;
}
