import { JobStatus, JobType } from "@nightbell/contract";
import { useEffect, useEffectEvent, useState, type RefObject } from "react";
import { IconButton } from "../../../ui/Button.js";
import { Kbd } from "../../../ui/Card.js";
import { Select } from "../../../ui/Field.js";
import { Icon } from "../../../ui/Icon.js";
import { Segmented } from "../../../ui/Segmented.js";
import { statusLabels, typeLabels } from "../words.js";
import { DEFAULT_SORT, type ListSearch, type Sort } from "./listSearch.js";

/** After the last key the search waits this long. */
const DEBOUNCE_MS = 250;

const statuses = [
  { value: "all", label: "All" } as const,
  ...JobStatus.options.map((value) => ({ value, label: statusLabels[value].label })),
];

const sorts: { value: Sort; label: string }[] = [
  { value: "-createdAt", label: "Newest" },
  { value: "createdAt", label: "Oldest" },
  { value: "title", label: "Title A–Z" },
  { value: "-title", label: "Title Z–A" },
  { value: "status", label: "By status" },
  { value: "cadenceSeconds", label: "Fastest" },
  { value: "-cadenceSeconds", label: "Slowest" },
];

type Change = Partial<Record<keyof ListSearch, string | undefined>>;

export function FilterBar({
  search,
  onChange,
  ref,
}: {
  search: ListSearch;
  onChange: (change: Change) => void;
  ref: RefObject<HTMLInputElement | null>;
}) {
  return (
    <div className="flex flex-wrap items-center gap-2 px-4 pb-3 sm:px-7" role="search">
      <SearchInput text={search.q ?? ""} onChange={(q) => onChange({ q })} ref={ref} />
      <Segmented
        label="Status"
        options={statuses}
        value={search.status ?? "all"}
        onChange={(status) => onChange({ status: status === "all" ? undefined : status })}
        className="max-md:hidden"
      />
      <Select
        aria-label="Status"
        value={search.status ?? ""}
        onChange={(event) => onChange({ status: event.target.value || undefined })}
        className="min-w-0 flex-1 md:hidden"
      >
        <option value="">Status</option>
        {JobStatus.options.map((value) => (
          <option key={value} value={value}>
            {statusLabels[value].label}
          </option>
        ))}
      </Select>
      <Select
        aria-label="Type"
        value={search.type ?? ""}
        onChange={(event) => onChange({ type: event.target.value || undefined })}
        className="min-w-0 flex-1 md:w-36 md:flex-none"
      >
        <option value="">Type</option>
        {JobType.options.map((value) => (
          <option key={value} value={value}>
            {typeLabels[value].label}
          </option>
        ))}
      </Select>
      <Select
        aria-label="Order"
        value={search.sort ?? DEFAULT_SORT}
        onChange={(event) => onChange({ sort: event.target.value })}
        className="min-w-0 flex-1 md:w-40 md:flex-none"
      >
        {sorts.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </Select>
    </div>
  );
}

function SearchInput({
  text,
  onChange,
  ref,
}: {
  text: string;
  onChange: (text: string | undefined) => void;
  ref: RefObject<HTMLInputElement | null>;
}) {
  const [draft, setDraft] = useState(text);
  const [seen, setSeen] = useState(text);
  // The address changed by other means, such as the back button.
  if (text !== seen) {
    setSeen(text);
    if (text.trim() !== draft.trim()) setDraft(text);
  }
  const commit = useEffectEvent(() => {
    if (draft.trim() !== text.trim()) onChange(draft.trim() || undefined);
  });
  useEffect(() => {
    const timer = setTimeout(() => commit(), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  return (
    <div className="relative w-full md:w-72 xl:w-80">
      <Icon name="search" className="pointer-events-none absolute top-3 left-3 text-faint" />
      <input
        ref={ref}
        type="search"
        aria-label="Search title or target"
        aria-keyshortcuts="/"
        placeholder="Search title or target"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          if (draft === "") event.currentTarget.blur();
          setDraft("");
        }}
        className="peer h-9.5 w-full rounded-md border border-edge bg-surface pr-9 pl-9 text-md max-sm:text-lg hover:border-soft focus-visible:outline-offset-0 [&::-webkit-search-cancel-button]:hidden"
      />
      {draft === "" ? (
        <span className="pointer-events-none absolute top-2.25 right-2.5 max-md:hidden peer-focus:hidden">
          <Kbd>/</Kbd>
        </span>
      ) : (
        <IconButton
          icon="cross"
          label="Clear the search"
          onClick={() => setDraft("")}
          className="absolute! top-0.25 right-0.25"
        />
      )}
    </div>
  );
}
