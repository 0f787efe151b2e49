interface Option<Value> {
  value: Value;
  label: string;
}

/** One choice out of few, all visible; a group of radio buttons to keyboards and screen readers. */
export function Segmented<Value extends string>({
  label,
  options,
  value,
  onChange,
  className = "",
}: {
  label: string;
  options: readonly Option<Value>[];
  /** Null when none of them applies, such as a custom range. */
  value: Value | null;
  onChange: (value: Value) => void;
  className?: string;
}) {
  return (
    <div
      role="radiogroup"
      aria-label={label}
      className={`inline-flex max-w-full overflow-x-auto rounded-md border border-line bg-sunken p-0.5 scroll-quiet ${className}`}
    >
      {options.map((option, index) => {
        const isOn = option.value === value;
        const isReachable = isOn || (index === 0 && !options.some((other) => other.value === value));
        return (
          <button
            key={option.value}
            type="button"
            role="radio"
            aria-checked={isOn}
            tabIndex={isReachable ? 0 : -1}
            onClick={() => onChange(option.value)}
            onKeyDown={(event) => {
              const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
              if (step === undefined) return;
              event.preventDefault();
              const next = options[(index + step + options.length) % options.length];
              if (next === undefined) return;
              onChange(next.value);
              const sibling = event.currentTarget.parentElement?.children[options.indexOf(next)];
              if (sibling instanceof HTMLElement) sibling.focus();
            }}
            className={`h-7.5 rounded-[5px] px-2 text-sm sm:px-2.5 font-medium whitespace-nowrap transition-colors focus-visible:-outline-offset-2 ${
              isOn ? "bg-raised text-ink shadow-button" : "text-soft hover:text-ink"
            }`}
          >
            {option.label}
          </button>
        );
      })}
    </div>
  );
}
