// What remote pollers and the server say to each other (M19). Everything is about the organisation and the location of
// the poller's token; nothing in a request can name another one.
import { z } from "zod";
import { EvidenceFindings } from "./evidence.js";
import { ErrorCode } from "./probes.js";

/** Rises with a change that a poller or a server of the version before does not understand. */
export const REMOTE_PROTOCOL = 2;

export const MAX_UPLOAD_SAMPLES = 2_500;
const MAX_UPLOAD_STRAYS = 2_500;
const MAX_JOBS = 1_000;
const MAX_CHANGED = 1_000;
const MAX_TEXT = 2_000;
/** That a poller may take at once. */
const MAX_EVIDENCE = 10;
const MAX_REFERENCES = 8;
const MAX_OFFLINE_PERIODS = 10;
/** Transactions in flight that a snapshot names: more than Postgres has connections. */
const MAX_IN_FLIGHT = 1_000;
const INT4 = 2_147_483_647;

const jobNo = z.number().int().min(0).max(INT4);
const jobNos = z.array(jobNo).max(MAX_JOBS);
const milliseconds = z.number().int().min(0).max(8_640_000_000_000_000);
const microseconds = z.number().int().min(0).max(INT4);
/** Which transactions had committed, as Postgres writes it: `xmin:xmax:xip,xip`, in order. It refuses any other. */
const snapshot = z
  .string()
  .max(40 + 20 * MAX_IN_FLIGHT, { abort: true })
  .regex(/^[1-9]\d{0,18}:[1-9]\d{0,18}:([1-9]\d{0,18}(,[1-9]\d{0,18})*)?$/, { abort: true })
  .refine(isInOrder, "must have its numbers in order");
/** A bit for each bucket: 1,024 bytes, base64. */
const buckets = z.base64().length(1_368).endsWith("==");

/** Who the server takes the poller for. */
export const RemotePlace = z.object({
  protocol: z.number().int(),
  version: z.string(),
  /** Of the token: its name. */
  name: z.string(),
  organisationId: z.string(),
  organisation: z.string(),
  location: z.string(),
  locationNo: z.number().int(),
});
export type RemotePlace = z.infer<typeof RemotePlace>;

/** A line of the feed. `jobs`, `pollers`, `evidence`: look now. `beat`: nothing new, the line is up. */
export const FeedLine = z.object({ news: z.enum(["jobs", "pollers", "evidence", "beat"]) });
export type FeedLine = z.infer<typeof FeedLine>;

/** How the poller's reference targets are, by its own clock. */
export const RemoteReferences = z.strictObject({
  targets: z
    .array(
      z.strictObject({
        target: z.string().max(100),
        isReachable: z.boolean(),
        hasAnswered: z.boolean(),
        error: z.string().max(MAX_TEXT).nullable(),
      }),
    )
    .max(MAX_REFERENCES),
  offlineSince: milliseconds.nullable(),
  offlinePeriods: z.array(z.strictObject({ from: milliseconds, to: milliseconds })).max(MAX_OFFLINE_PERIODS),
});
export type RemoteReferences = z.infer<typeof RemoteReferences>;

const LiveState = z.enum(["joining", "active", "leaving"]);

export const RemoteOthersQuery = z.strictObject({ except: z.uuid() });
export const RemoteOthers = z.object({
  pollers: z.array(
    z.object({
      id: z.string(),
      state: z.enum(["joining", "active", "leaving", "dead"]),
      leaseMs: z.number(),
      buckets,
      isOffline: z.boolean(),
    }),
  ),
});

export const RemoteBeat = z.strictObject({
  name: z.string().regex(/^[\w. ()-]{1,120}$/, "must be letters, digits, dots, dashes and underscores"),
  state: LiveState,
  buckets,
  stats: z.strictObject({
    jobCount: z.number().int().min(0).max(INT4),
    samplesPerSecond: z.number().min(0).max(1e9),
    latenessP99Ms: z.number().min(0).max(1e12).nullable(),
    memoryBytes: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
    clockOffsetMs: z.number().min(-1e15).max(1e15).nullable(),
    version: z.string().max(100),
    references: RemoteReferences.optional(),
  }),
  isNews: z.boolean(),
});
export type RemoteBeat = z.infer<typeof RemoteBeat>;
/** The database's time, milliseconds since the epoch. */
export const RemoteTime = z.object({ now: z.number() });

export const ShareBody = z.strictObject({ buckets });
export const ChangesBody = z.strictObject({
  buckets,
  since: snapshot.nullable(),
});
export const GroupsBody = z.strictObject({
  buckets,
  groups: z.array(z.number().int().min(0).max(65_535)).max(1_000),
});
export const ShareJobsBody = z.strictObject({ buckets, jobNos });
export const ReadJobsBody = z.strictObject({ buckets, jobNos, since: milliseconds });
export const CompleteBody = z.strictObject({ jobNos });

const revision = z.object({ jobNo: z.number().int(), revision: z.number().int() });
export const RemoteChanges = z.object({
  snapshot,
  changes: z.array(z.object({ ...revision.shape, duty: z.enum(["start", "measure"]) })),
  /** Something else changed that may concern the share: compare everything. */
  isIncomplete: z.boolean(),
});
export const RemoteDigests = z.object({
  digests: z.array(z.tuple([z.number().int(), z.number().int()])),
  pending: z.array(z.number().int()),
});
export const RemoteRevisions = z.object({ jobs: z.array(revision) });
export const RemoteJobs = z.object({
  jobs: z.array(
    z.object({
      ...revision.shape,
      id: z.string(),
      type: z.string(),
      target: z.string(),
      /** JSON text, so that equal options are parsed once. */
      options: z.string(),
      simulation: z.string().nullable(),
      endsAt: z.number().nullable(),
      grids: z.array(
        z.object({
          fromSlot: z.number(),
          toSlot: z.number().nullable(),
          cadenceMs: z.number(),
          firstSequence: z.number(),
        }),
      ),
    }),
  ),
});

export const EvidenceDueBody = z.strictObject({
  /** Of the poller. */
  id: z.uuid(),
  buckets,
  limit: z.number().int().min(1).max(MAX_EVIDENCE),
});
export const RemoteEvidence = z.object({
  requests: z.array(
    z.object({
      id: z.string(),
      fencingToken: z.number().int(),
      attempt: z.number().int(),
      job: z.object({
        id: z.string(),
        type: z.string(),
        target: z.string(),
        options: z.unknown(),
        simulation: z.unknown(),
      }),
    }),
  ),
});
export const EvidenceEndBody = z.strictObject({
  fencingToken: z.number().int().min(0),
  /** Null: it is left to others. */
  ending: z
    .strictObject({
      state: z.enum(["taken", "failed"]),
      text: z.string().min(1).max(MAX_TEXT),
      findings: EvidenceFindings.nullable(),
    })
    .nullable(),
});
export const EvidenceReceipt = z.object({ isStored: z.boolean() });

/** slot, jobNo, status, rttUs, jitterUs, latenessUs, recordedAtMs, errorCode, error, phases */
export const UploadedSample = z.tuple([
  milliseconds,
  jobNo,
  z.union([z.literal(0), z.literal(1), z.literal(2)]),
  microseconds.nullable(),
  microseconds.nullable(),
  microseconds,
  milliseconds,
  ErrorCode.nullable(),
  z.string().max(MAX_TEXT).nullable(),
  z
    .record(z.string().max(100), z.number())
    .refine((phases) => Object.keys(phases).length <= 50, "must have at most 50 phases")
    .nullable(),
]);
export type UploadedSample = z.infer<typeof UploadedSample>;

/** hourSlot, jobNo, duplicates, late */
export const UploadedStrays = z.tuple([milliseconds, jobNo, microseconds, microseconds]);
export type UploadedStrays = z.infer<typeof UploadedStrays>;

export const UploadBody = z.strictObject({
  /** Of the poller. */
  id: z.uuid(),
  /** One more than that of the poller's last upload that was acknowledged. */
  number: z.number().int().min(0),
  /** Jobs that the poller took, gave away or was told anew since then; null: too many to tell. */
  changedJobs: z.array(jobNo).max(MAX_CHANGED).nullable(),
  /** Each an `UploadedSample`; one that is not is refused by itself. */
  samples: z.array(z.unknown()).max(MAX_UPLOAD_SAMPLES),
  strays: z.array(UploadedStrays).max(MAX_UPLOAD_STRAYS),
});
export type UploadBody = z.infer<typeof UploadBody>;

export const UploadRefusal = z.enum([
  "malformed",
  "not_yours",
  "off_grid",
  "too_old",
  "in_the_future",
  "not_storable",
]);
export type UploadRefusal = z.infer<typeof UploadRefusal>;

/** Everything that is not refused is committed. */
export const UploadReceipt = z.object({
  storedCount: z.number().int(),
  /** For each reason, where in the upload the samples stood. */
  refused: z.array(z.object({ reason: UploadRefusal, indexes: z.array(z.number().int()) })),
});
export type UploadReceipt = z.infer<typeof UploadReceipt>;

/** xmin ≤ xip < xip < xmax, and xmin ≤ xmax. */
function isInOrder(text: string): boolean {
  const [xmin = 0n, xmax = 0n, ...inFlight] = text
    .split(/[:,]/)
    .filter((part) => part !== "")
    .map(BigInt);
  return (
    xmin <= xmax &&
    inFlight.every((xid, index) => xid >= xmin && xid < xmax && xid > (inFlight[index - 1] ?? 0n))
  );
}
