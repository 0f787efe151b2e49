import {
  Profile,
  Session,
  Setup,
  type LoginBody,
  type ProfilePatch,
  type RegisterBody,
} from "@nightbell/contract";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { request } from "../../api/request.js";
import { api } from "../../api/urls.js";
import { browserTimeZone } from "../../format/times.js";

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
