import { Role } from "@nightbell/contract";

export const roleLabels: Record<Role, string> = {
  owner: "Owner",
  admin: "Admin",
  responder: "Responder",
  viewer: "Viewer",
};

/** Those that may do no more than a role, the lowest first. */
export function rolesUpTo(role: Role): Role[] {
  const lowestFirst = Role.options.toReversed();
  return lowestFirst.slice(0, lowestFirst.indexOf(role) + 1);
}
