import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { cheapestStart, type StreamView } from "./cheapest-start.ts";
import type { StreamUpdate } from "./stream-update.ts";

/** A stream as it may be: updates from one version to the next or further, with holes. */
const streams = fc.record({
  steps: fc.array(fc.record({ span: fc.integer({ min: 1, max: 3 }), bytes: fc.nat(50) }), {
    minLength: 1,
    maxLength: 12,
  }),
  anchors: fc.uniqueArray(fc.record({ index: fc.nat(12), bytes: fc.nat(200) }), {
    selector: ({ index }) => index,
    maxLength: 3,
  }),
  suspects: fc.array(fc.nat(20), { maxLength: 2 }),
  have: fc.option(fc.nat(25)),
});

describe("cheapestStart", () => {
  it("is the start with the fewest bytes of all that reach the end", () => {
    fc.assert(
      fc.property(streams, ({ steps, anchors, suspects, have }) => {
        const world = worldOf(steps, anchors, suspects);
        const has = have === null ? null : { version: have, fingerprint: name(have) };
        const start = cheapestStart(world.view, has);
        const costs = world.costsFrom(have);
        expect(start?.bytes ?? null).toBe(costs.length === 0 ? null : Math.min(...costs));
        if (start === null) return;
        const version = start.anchor?.version ?? have ?? -1;
        expect(start.sequence).toBe(world.sequenceFrom(version));
      }),
      { numRuns: 2_000 },
    );
  });

  it("never leads back who is on the way, nor trusts who is on another", () => {
    const { view } = worldOf(
      [
        { span: 1, bytes: 10 },
        { span: 1, bytes: 10 },
      ],
      [{ index: 0, bytes: 1 }],
      [],
    );
    expect(cheapestStart(view, { version: 1, fingerprint: name(1) })?.anchor).toBeNull();
    const behind = { ...view, next: new Map([...view.next].filter(([from]) => from !== 1)) };
    expect(cheapestStart(behind, { version: 1, fingerprint: name(1) })).toBeNull();
    // Ahead of the end: the log has gone back.
    expect(cheapestStart(view, { version: 7, fingerprint: name(7) })?.anchor?.version).toBe(0);
    // At the end, with another state.
    expect(cheapestStart(view, { version: 2, fingerprint: "other" })).toBeNull();
  });
});

function name(version: number): string {
  return String(version).padStart(32, "0");
}

function worldOf(
  steps: readonly { readonly span: number; readonly bytes: number }[],
  anchored: readonly { readonly index: number; readonly bytes: number }[],
  suspected: readonly number[],
): {
  readonly view: StreamView;
  costsFrom(have: number | null): readonly number[];
  sequenceFrom(version: number): number;
} {
  const updates: StreamUpdate[] = [];
  let version = 0;
  let offset = 0;
  for (const { span, bytes } of steps) {
    const to = { version: version + span, fingerprint: name(version + span) };
    const sequence = updates.length + 2;
    updates.push({
      sequence,
      from: version,
      to,
      offset,
      bytes,
      data: new Uint8Array(0),
      object: null,
    });
    version += span;
    offset += bytes;
  }
  const versions = [0, ...updates.map(({ to }) => to.version)];
  const anchors = anchored
    .flatMap(({ index, bytes }) => {
      const at = versions[index];
      return at === undefined ? [] : [{ version: at, bytes }];
    })
    .sort((a, b) => a.version - b.version);
  const end = { version, fingerprint: name(version) };
  const suspects = new Set(suspected);
  const endSequence = updates.length + 1;
  const next = new Map(updates.map((update) => [update.from, update]));
  // An oracle that walks: bytes from a version to the end, update by update.
  const walk = (from: number): number => {
    if (from === version) return 0;
    const update = next.get(from);
    if (update === undefined) return Infinity;
    for (let at = update.from; at < update.to.version; at++) if (suspects.has(at)) return Infinity;
    return update.bytes + walk(update.to.version);
  };
  const costsFrom = (have: number | null): readonly number[] => {
    const isOnTheWay = have !== null && have <= version;
    const usable = anchors.filter((anchor) => !isOnTheWay || anchor.version >= have);
    const costs = usable.map((anchor) => anchor.bytes + walk(anchor.version));
    if (have !== null) costs.push(walk(have));
    return costs.filter((cost) => cost < Infinity);
  };
  return {
    view: { anchors, end, endOffset: offset, endSequence, next, suspects },
    costsFrom,
    sequenceFrom: (from) => next.get(from)?.sequence ?? endSequence + 1,
  };
}
