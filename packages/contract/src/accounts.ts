import { z } from "zod";
import { pageOf } from "./pagination.js";

export const Role = z.enum(["owner", "admin", "responder", "viewer"]);
export type Role = z.infer<typeof Role>;

const Email = z
  .string()
  .trim()
  .max(254)
  .pipe(z.email("must be an email address"))
  .transform((email) => email.toLowerCase());

const NewPassword = z
  .string()
  .min(10, "must have at least 10 characters")
  .max(200, "must have at most 200 characters");

export const RegisterBody = z.strictObject({
  email: Email,
  password: NewPassword,
  name: z.string().trim().min(1).max(100),
});
export type RegisterBody = z.input<typeof RegisterBody>;

export const LoginBody = z.strictObject({ email: Email, password: z.string().min(1).max(200) });
export type LoginBody = z.input<typeof LoginBody>;

export const PasswordChange = z.strictObject({
  currentPassword: z.string().min(1, "must be given").max(200),
  newPassword: NewPassword,
});
export type PasswordChange = z.input<typeof PasswordChange>;

/** `GET /api/setup`, public: what the log-in page offers somebody without an account. */
export const Setup = z.object({ needsFirstAccount: z.boolean(), registrationOpen: z.boolean() });
export type Setup = z.infer<typeof Setup>;

export const TimeZone = z.string().refine(isTimeZone, "must be an IANA time zone such as Europe/Berlin");

export const User = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  timeZone: z.string(),
  /** Used for routing pages to people who know the thing. */
  skills: z.array(z.string()),
  /** May create jobs in simulated mode in production (M18). */
  isTestAccount: z.boolean(),
  organisation: z.object({ id: z.uuid(), name: z.string(), role: Role }),
  createdAt: z.string(),
});
export type User = z.infer<typeof User>;

export const Session = z.object({ token: z.string(), user: User });
export type Session = z.infer<typeof Session>;

/** A place where somebody is logged in, as they see it themselves. */
export const OpenSession = z.object({
  id: z.uuid(),
  /** From where it was opened, as far as it was told. */
  address: z.string().nullable(),
  userAgent: z.string().nullable(),
  createdAt: z.string(),
  /** To within a minute. */
  lastUsedAt: z.string(),
  expiresAt: z.string(),
  /** The one that asks. */
  isCurrent: z.boolean(),
});
export type OpenSession = z.infer<typeof OpenSession>;
/** Newest first. */
export const OpenSessionPage = pageOf(OpenSession);
export type OpenSessionPage = z.infer<typeof OpenSessionPage>;

export const ContactMethod = z.object({
  id: z.string(),
  channel: z.enum(["email", "sms", "voice", "push", "slack", "teams", "webhook"]),
  address: z.string(),
  isVerified: z.boolean(),
});

export const Profile = User.extend({
  contactMethods: z.array(ContactMethod),
  /** Whether an email tells the account what its jobs came to when they complete (M14). */
  completionEmails: z.boolean(),
});
export type Profile = z.infer<typeof Profile>;

export const ProfilePatch = z.strictObject({
  name: z.string().trim().min(1).max(100).optional(),
  timeZone: TimeZone.optional(),
  skills: z.array(z.string().trim().min(1).max(50)).max(50).optional(),
  completionEmails: z.boolean().optional(),
});
export type ProfilePatch = z.infer<typeof ProfilePatch>;

/** An account as its organisation sees it. */
export const Member = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  role: Role,
  isTestAccount: z.boolean(),
  joinedAt: z.string(),
});
export type Member = z.infer<typeof Member>;
export const MemberPage = pageOf(Member);
export type MemberPage = z.infer<typeof MemberPage>;

export const MemberPatch = z.strictObject({ isTestAccount: z.boolean() });
export type MemberPatch = z.infer<typeof MemberPatch>;

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
