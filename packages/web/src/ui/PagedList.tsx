// A list inside a card that is loaded page by page.
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Button } from "./Button.js";
import { Bone, ErrorState } from "./states.js";

export function PagedList<Row>({
  query,
  label,
  more,
  empty,
  children,
}: {
  query: UseInfiniteQueryResult<InfiniteData<{ data: Row[] }>>;
  /** What the list is called by those who hear it. */
  label: string;
  /** What the button says that loads the next page. */
  more: string;
  /** In place of a list without rows. */
  empty?: ReactNode;
  children: (row: Row) => ReactNode;
}) {
  const rows = query.data?.pages.flatMap((page) => page.data);
  if (rows === undefined) {
    return query.error === null ? (
      <div className="p-5">
        <Bone className="h-5" />
      </div>
    ) : (
      <ErrorState error={query.error} onRetry={() => void query.refetch()} />
    );
  }
  if (rows.length === 0) {
    return <p className="px-4 py-5 text-sm text-pretty text-soft sm:px-5">{empty}</p>;
  }
  return (
    <>
      <ul aria-label={label} className="divide-y divide-line/60">
        {rows.map(children)}
      </ul>
      {query.hasNextPage && (
        <div className="border-t border-line p-3 text-center">
          <Button
            look="quiet"
            icon="arrowDown"
            isBusy={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            {more}
          </Button>
        </div>
      )}
    </>
  );
}
