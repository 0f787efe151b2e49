// What every part that speaks HTTP agrees on; imports nothing, for it is loaded in the socket worker too.

/** A head beyond this is not read to its end. */
export const MAX_HEAD_BYTES = 32_768;

/** The statuses that lead elsewhere when a Location says where (RFC 9110, 15.4). */
export const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];
