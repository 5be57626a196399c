import { describe, expect, it } from "vitest";
import { summaryOf, temporaryFolder } from "./program.ts";

describe("everfresh demo", () => {
  it("trains, ships every update, and ends with a replica that has the same bits", async () => {
    const summary = await summaryOf(["demo", "--steps", "60", "--port", "0"]);
    expect(summary).toMatchObject({ steps: 60, samples: 480, version: 60, denseBytes: 246_824 });
    expect(summary.replicas).toHaveLength(1);
    expect(summary.replicas[0]).toMatchObject({ version: 60, fingerprint: summary.fingerprint });
    expect(summary.heldOutAccuracy).toBeGreaterThan(0.3); // chance is 0.1
    expect(summary.replicas[0]?.heldOutAccuracy).toBeCloseTo(summary.heldOutAccuracy, 6);
    expect(summary.updateBytes.mean).toBeLessThanOrEqual(summary.denseBytes / 100);
    expect(summary.updateBytes.total).toBeCloseTo(summary.updateBytes.mean * 60, 3);
    expect(summary.updateToReplicaMs?.p50).toBeGreaterThan(0);
    expect(summary.stepMs.p99).toBeGreaterThanOrEqual(summary.stepMs.p50);
  });

  it("gives the same fingerprint for the same seed in two fresh directories, and another for another", async () => {
    using first = temporaryFolder();
    using second = temporaryFolder();
    const args = ["run", "--steps", "25", "--port", "0"];
    const one = await summaryOf([...args, "--seed", "7", "--state", first.path]);
    const same = await summaryOf([...args, "--seed", "7", "--state", second.path]);
    using third = temporaryFolder();
    const other = await summaryOf([...args, "--seed", "8", "--state", third.path]);
    expect(same.fingerprint).toBe(one.fingerprint);
    expect(other.fingerprint).not.toBe(one.fingerprint);
  });
});
