import {
  type ApiKeyCreate,
  ApiKeyPage,
  NewApiKey,
  OpenSessionPage,
  Profile,
  Session,
  Setup,
  type LoginBody,
  type PasswordChange,
  type ProfilePatch,
  type RegisterBody,
} from "@nightbell/contract";
import { infiniteQueryOptions, queryOptions, useQuery } from "@tanstack/react-query";
import { request } from "../../api/request.js";
import { api } from "../../api/urls.js";
import { browserTimeZone } from "../../format/times.js";

const PAGE_SIZE = 20;

export const setupQuery = queryOptions({
  queryKey: ["setup"],
  queryFn: ({ signal }) => request({ url: api.setup(), answer: Setup, signal }),
});

/** Who is logged in. Kept for the whole visit: the pages behind the log-in read it at once. */
export const profileQuery = queryOptions({
  queryKey: ["profile"],
  queryFn: ({ signal }) => request({ url: api.profile(), answer: Profile, signal }),
  staleTime: 5 * 60_000,
  gcTime: Number.POSITIVE_INFINITY,
});

/** Where the person is logged in; those of a page are more than most people have. */
export const sessionsQuery = infiniteQueryOptions({
  queryKey: ["sessions"],
  queryFn: ({ pageParam, signal }) =>
    request({
      url: api.sessions({ limit: PAGE_SIZE, ...(pageParam !== null && { cursor: pageParam }) }),
      answer: OpenSessionPage,
      signal,
    }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.pagination.nextCursor,
});

/** The keys of the person's programs. */
export const keysQuery = infiniteQueryOptions({
  queryKey: ["keys"],
  queryFn: ({ pageParam, signal }) =>
    request({
      url: api.keys({ limit: PAGE_SIZE, ...(pageParam !== null && { cursor: pageParam }) }),
      answer: ApiKeyPage,
      signal,
    }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.pagination.nextCursor,
});

/** Ends the person's other sessions, too. */
export function changePassword(body: PasswordChange) {
  return request({ method: "POST", url: api.password(), body });
}

export function createKey(body: ApiKeyCreate) {
  return request({ method: "POST", url: api.keys(), body, answer: NewApiKey });
}

export function revokeKey(id: string) {
  return request({ method: "DELETE", url: api.key(id) });
}

export function endSession(id: string) {
  return request({ method: "DELETE", url: api.session(id) });
}

export function endOtherSessions() {
  return request({ method: "DELETE", url: api.sessions() });
}

/** Times are shown in the zone of the profile. */
export function useTimeZone(): string {
  return useQuery(profileQuery).data?.timeZone ?? browserTimeZone();
}

export function logIn(body: LoginBody) {
  return request({ method: "POST", url: api.login(), body, answer: Session });
}

/** Makes the account and tells it this browser's time zone, which the person can change in the profile. */
export async function signUp(body: RegisterBody) {
  const session = await request({ method: "POST", url: api.register(), body, answer: Session });
  const timeZone = browserTimeZone();
  if (session.user.timeZone !== timeZone) await saveProfile({ timeZone });
  return session;
}

export function logOut() {
  return request({ method: "POST", url: api.logout() });
}

export function saveProfile(body: ProfilePatch) {
  return request({ method: "PATCH", url: api.profile(), body, answer: Profile });
}
