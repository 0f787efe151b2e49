import { z } from "zod";

/** Query parameters of every list (P4): `page` or `cursor`, never both. */
export const PageQuery = z.object({
  page: z.coerce.number().int().min(1).max(1_000_000).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  /** As `nextCursor` came; it carries the sort keys of a row, of which a title may be long. */
  cursor: z.string().min(1).max(2_000).optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;

export const Pagination = z.object({
  /** Null when the list was read by cursor. */
  page: z.number().int().nullable(),
  limit: z.number().int(),
  totalItems: z.number().int(),
  /** True when `totalItems` comes from statistics or a cache and may be slightly off. */
  totalIsEstimate: z.boolean(),
  totalPages: z.number().int(),
  hasNextPage: z.boolean(),
  hasPreviousPage: z.boolean(),
  /** Opaque; null on the last page. */
  nextCursor: z.string().nullable(),
});
export type Pagination = z.infer<typeof Pagination>;

/** The answer of every list: `{ data, pagination }`. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item), pagination: Pagination });
}
