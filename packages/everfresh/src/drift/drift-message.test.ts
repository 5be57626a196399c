import { describe, expect, it } from "vitest";
import { exampleRecord } from "./drift.fixture.ts";
import { messageAbout, messageTypeOf } from "./drift-message.ts";

const ORIGIN = { model: "digits", logId: "log-1", nowMs: 1_700_000_000_000 };

describe("a message about drift", () => {
  it("tells of warnings, drifts and those that labels do not confirm, and of nothing else", () => {
    const drift = exampleRecord();
    const warning = exampleRecord({ verdict: "warning" });
    const confirmed = exampleRecord({ outcome: "confirmed" });
    const withdrawn = exampleRecord({ outcome: "withdrawn" });
    const typeOf = (record: typeof drift, before: typeof drift | null) =>
      messageTypeOf({ record, before });
    expect(typeOf(warning, null)).toBe("drift.warning");
    expect(typeOf(drift, null)).toBe("drift.detected");
    expect(typeOf(confirmed, null)).toBe("drift.detected");
    expect(typeOf(drift, warning)).toBe("drift.detected");
    expect(typeOf(withdrawn, drift)).toBe("drift.withdrawn");
    // Nobody was told of it, or everybody of its end.
    expect(typeOf(withdrawn, null)).toBeNull();
    expect(typeOf(withdrawn, withdrawn)).toBeNull();
    expect(typeOf(confirmed, drift)).toBeNull();
  });

  it("has an id that is the same however often it is made, and another one for another change", () => {
    const first = messageAbout("drift.detected", exampleRecord(), ORIGIN);
    const later = messageAbout("drift.detected", exampleRecord(), { ...ORIGIN, nowMs: 5 });
    expect(first.id).toBe("log-1_1_detected");
    expect(later.id).toBe(first.id);
    const others = [
      messageAbout("drift.withdrawn", exampleRecord(), ORIGIN),
      messageAbout("drift.detected", exampleRecord({ id: 2 }), ORIGIN),
      messageAbout("drift.detected", exampleRecord(), { ...ORIGIN, logId: "log-2" }),
    ];
    expect(new Set([first, ...others].map(({ id }) => id)).size).toBe(4);
    expect(JSON.parse(first.body)).toEqual({
      type: "drift.detected",
      timestamp: "2023-11-14T22:13:20.000Z",
      data: { model: "digits", record: exampleRecord() },
    });
  });
});
