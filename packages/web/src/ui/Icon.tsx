// Nightbell's own icons: 16 units square, 1.5 wide strokes, round joins.

const shapes = {
  plus: "M8 3v10M3 8h10",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5 14 14",
  check: "m3 8.5 3.2 3.2L13 4.8",
  cross: "m4 4 8 8M12 4l-8 8",
  minus: "M3.5 8h9",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.3v9.4l7.5-4.7L5 3.3Z",
  stop: "M4 4h8v8H4z",
  trash: "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7v4M9.3 7v4",
  pencil: "m3 13 .6-2.9L11 2.7l2.3 2.3-7.4 7.4L3 13ZM9.5 4.2l2.3 2.3",
  chevronDown: "m4 6 4 4 4-4",
  chevronLeft: "M10 3.5 5.5 8l4.5 4.5",
  chevronRight: "M6 3.5 10.5 8 6 12.5",
  arrowUp: "M8 13V3M4 7l4-4 4 4",
  arrowDown: "M8 3v10M4 9l4 4 4-4",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.5",
  warning: "M8 2.5 14.2 13H1.8L8 2.5ZM8 6.5v3M8 11.3v.01",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.5V11M8 5v.01",
  fault: "M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5L5.5 2ZM8 5v3.5M8 10.9v.01",
  pulse: "M1.5 8.5h3L6.5 3l3 10 1.8-4.5h3.2",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  list: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
  user: "M8 8.2a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM2.8 13.8c.6-2.5 2.6-3.8 5.2-3.8s4.6 1.3 5.2 3.8",
  logOut: "M6.5 2.5H3v11h3.5M7 8h6.5M10.8 5.2 13.5 8l-2.7 2.8",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7",
  moon: "M13.3 9.7A5.7 5.7 0 0 1 6.3 2.7a5.7 5.7 0 1 0 7 7Z",
  display: "M2 3h12v8H2zM6 13.8h4M8 11v2.8",
  keyboard: "M1.5 4h13v8h-13zM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M5 9.5h6",
  bolt: "M9 1.8 3.5 9H8l-1 5.2L12.5 7H8l1-5.2Z",
  reset: "M3 7.5a5 5 0 1 1 .8 3.3M3 3.5v4h4",
  signal: "M8 12.5v.01M5.5 10a3.5 3.5 0 0 1 5 0M3 7.4a7 7 0 0 1 10 0",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6Z",
  filter: "M2 3.5h12M4.5 8h7M6.5 12.5h3",
  bell: "M4 11V7.2a4 4 0 0 1 8 0V11l1.3 1.5H2.7L4 11ZM6.6 14.3h2.8",
  ruler: "M2.5 5.5h11v5h-11zM5 5.5v2M7.5 5.5v2.5M10 5.5v2M12 5.5v2",
  calendar: "M2.5 3.5h11v10h-11zM2.5 6.5h11M5.5 2v3M10.5 2v3",
} as const;

export type IconName = keyof typeof shapes;

/** Decorative unless it has a label. */
export function Icon({
  name,
  size = 16,
  label,
  className = "",
}: {
  name: IconName;
  size?: number;
  label?: string;
  className?: string;
}) {
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth={name === "more" ? 2.4 : 1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      className={`shrink-0 ${className}`}
      {...(label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}
    >
      <path d={shapes[name]} />
    </svg>
  );
}
