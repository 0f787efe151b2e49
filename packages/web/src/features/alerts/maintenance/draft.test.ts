import { MaintenanceWindowCreate, type MaintenanceWindow } from "@nightbell/contract";
import { expect, test } from "vitest";
import { draftOf, emptyDraft, toBody } from "./draft.js";

const now = Date.parse("2026-11-22T10:20:00Z");
const zone = "Europe/Vienna";
const shown = (more: Pick<MaintenanceWindow, "selector" | "schedule">): MaintenanceWindow => ({
  id: "019b0000-0000-7000-8000-000000000001",
  name: "Window",
  isEnabled: true,
  occurrence: null,
  isActive: false,
  version: 1,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  ...more,
});

test("a new window is valid, once and recurring", () => {
  for (const kind of ["once", "recurring"] as const) {
    const body = toBody({ ...emptyDraft(zone, now), name: "Window", kind }, zone);
    expect(MaintenanceWindowCreate.safeParse(body)).toMatchObject({ success: true });
  }
});

test("a window that is shown and sent back is the same", () => {
  const windows: Pick<MaintenanceWindow, "selector" | "schedule">[] = [
    {
      selector: { kind: "type", type: "tls" },
      schedule: { kind: "once", from: "2026-11-22T11:00:00.000Z", to: "2026-11-22T12:30:00.000Z" },
    },
    {
      selector: { kind: "jobs", jobIds: ["019b0000-0000-7000-8000-000000000002"] },
      schedule: { kind: "recurring", cron: "30 3 1 * *", durationMinutes: 45, timeZone: "Asia/Tokyo" },
    },
  ];
  for (const window of windows) {
    expect(toBody(draftOf(shown(window), zone, now), zone)).toEqual({
      name: "Window",
      isEnabled: true,
      ...window,
    });
  }
});
