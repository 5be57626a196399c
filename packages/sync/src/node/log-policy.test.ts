import { describe, expect, it } from "vitest";

import { isAnchorDue, isBeyond } from "./log-policy.ts";

describe("the anchor policy", () => {
  it.each([
    [{}, { versions: 1, bytes: 100, anchorBytes: 101 }, false],
    [{}, { versions: 1, bytes: 101, anchorBytes: 101 }, true],
    [{}, { versions: 10_000, bytes: 1, anchorBytes: 101 }, true],
    [{}, { versions: 0, bytes: 0, anchorBytes: 0 }, false],
    [{ outweighedBy: 3 }, { versions: 9, bytes: 299, anchorBytes: 100 }, false],
    [{ everyVersions: 9 }, { versions: 9, bytes: 0, anchorBytes: 100 }, true],
  ])("%j says of %j: %s", (policy, since, isDue) => {
    expect(isAnchorDue(policy, since)).toBe(isDue);
  });
});

describe("retention", () => {
  const part = { nextAnchor: { version: 50, timeMs: 1_000 }, head: 100, bytes: 500, nowMs: 2_000 };
  it.each([
    [{}, false],
    [{ versions: 51 }, true],
    [{ versions: 52 }, false],
    [{ bytes: 500 }, false],
    [{ bytes: 499 }, true],
    [{ days: 1_000 / 86_400_000 }, true],
    [{ days: 1_001 / 86_400_000 }, false],
    [{ versions: 1_000, bytes: 499 }, true],
  ])("%j lets the oldest part go: %s", (retention, goes) => {
    expect(isBeyond(retention, part)).toBe(goes);
  });
});
