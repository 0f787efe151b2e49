/** The mark: a bell that carries a pulse. */
export function BrandMark({ size = 28 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" className="shrink-0">
      <rect width="32" height="32" rx="9" className="fill-[oklch(0.275_0.035_264)]" />
      <g className="fill-[oklch(0.835_0.105_85)]">
        <path d="M16 6.2c-4.3 0-7 3.2-7 7.3v4.2L6.9 21a.9.9 0 0 0 .8 1.4h16.6a.9.9 0 0 0 .8-1.4L23 17.7v-4.2c0-4.1-2.7-7.3-7-7.3Z" />
        <path d="M12.9 24.2a3.2 3.2 0 0 0 6.2 0Z" />
      </g>
      <path
        d="M10.6 16.2h2.7l1.5-3.6 2.3 6 1.5-2.4h2.8"
        fill="none"
        stroke="oklch(0.275 0.035 264)"
        strokeWidth="1.6"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

export function Wordmark() {
  return (
    <span className="flex items-center gap-2.5">
      <BrandMark />
      <span className="text-lg font-semibold tracking-[-0.02em]">Nightbell</span>
    </span>
  );
}
