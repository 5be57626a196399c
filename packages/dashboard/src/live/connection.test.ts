import { describe, expect, it } from "vitest";
import { exampleStatus } from "../status.fixture.ts";
import {
  afterEvent,
  initialConnection,
  isStale,
  pagePhase,
  type Connection,
  type ConnectionEvent,
} from "./connection.ts";

const status: ConnectionEvent = { kind: "status", status: exampleStatus(), atMs: 5_000 };
const lost: ConnectionEvent = { kind: "lost", reason: "unreachable" };

function after(...events: readonly ConnectionEvent[]): Connection {
  return events.reduce(afterEvent, initialConnection);
}

describe("the connection", () => {
  it("starts connecting, with nothing to go stale", () => {
    expect(pagePhase(initialConnection)).toBe("connecting");
    expect(isStale(initialConnection)).toBe(false);
    expect(isStale(after(lost))).toBe(false);
  });

  it("shows the phase of the newest status", () => {
    expect(pagePhase(after(status))).toBe("training");
  });

  it("keeps the last status when the line breaks, marked as stale", () => {
    const broken = after(status, lost);
    expect(broken.received?.atMs).toBe(5_000);
    expect(pagePhase(broken)).toBe("reconnecting");
    expect(isStale(broken)).toBe(true);
  });

  it("is live again with the next status", () => {
    const back = after(status, lost, { ...status, atMs: 9_000 });
    expect(pagePhase(back)).toBe("training");
    expect(isStale(back)).toBe(false);
  });

  it("stays finished when a trainer that has finished leaves", () => {
    const finished = exampleStatus({ phase: "finished" });
    expect(pagePhase(after({ kind: "status", status: finished, atMs: 1 }, lost))).toBe("finished");
  });

  it("forgets the figures of one model when another is chosen, but not the list", () => {
    const names = ["digits", "prices"];
    const restarted = after({ kind: "models", names }, status, { kind: "restarted" });
    expect(restarted).toEqual({ ...initialConnection, models: names });
  });
});
