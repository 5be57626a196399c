import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { Publisher } from "../../publisher.fixture.ts";
import { UnpublishedUpdates } from "./unpublished-updates.ts";

describe("UnpublishedUpdates", () => {
  it("gives what leads on from a state, and forgets what is behind it", () => {
    const { updates, states } = madeUpdates(5);
    const unpublished = new UnpublishedUpdates(1e6);
    for (const update of updates) unpublished.push(update);
    expect(unpublished.after(states[0]!, 3)).toEqual(updates.slice(0, 3));
    expect(unpublished.after(states[0]!, 9)).toEqual(updates);
    expect(unpublished.after(states[2]!, 9)).toEqual(updates.slice(2));
    const left = updates.slice(2).reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(unpublished.bytes).toBe(left);
    expect(unpublished.after({ version: 3, fingerprint: "another" }, 9)).toEqual([]);
    expect(unpublished.after(states[5]!, 9)).toEqual([]);
    expect(unpublished.bytes).toBe(0);
  });

  it("never holds more than its bound, and never leads on with a hole", () => {
    const { updates, states } = madeUpdates(40);
    const unpublished = new UnpublishedUpdates(500);
    updates.forEach((update, made) => {
      unpublished.push(update);
      expect(unpublished.bytes).toBeLessThanOrEqual(500);
      const given = unpublished.after(states[0]!, 99);
      if (given.length > 0) expect(given).toEqual(updates.slice(0, made + 1));
    });
  });
});

function madeUpdates(count: number): {
  readonly updates: Parameters<UnpublishedUpdates["push"]>[0][];
  readonly states: { readonly version: number; readonly fingerprint: string }[];
} {
  const publisher = new Publisher(new Random(1));
  const { deployed } = publisher;
  const states = [{ version: deployed.version, fingerprint: deployed.fingerprint }];
  const updates = Array.from({ length: count }, () => {
    const { update, bytes } = publisher.next();
    states.push({ version: update.toVersion, fingerprint: update.fingerprintAfter });
    return { span: update, bytes };
  });
  return { updates, states };
}
