import { Random, stateLayout, type StateLayout, systemClock } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { importSigningKey, type SigningKey } from "../../codec/signing-keys.ts";
import { verifyUpdate } from "../../codec/update-signature.ts";
import type { UpdateHistory } from "../../feed/catch-up.ts";
import { Feed } from "../../feed/feed.ts";
import { Publisher, randomState, smallManifest } from "../../publisher.fixture.ts";
import { decodeHttpHead } from "./http-head.ts";
import { cheapestPath } from "./http-path.ts";
import { copyOf, reached } from "./segment-archive.fixture.ts";
import { SegmentArchive } from "./segment-archive.ts";
import { updatesOf } from "./segment.ts";
import type { ArchivedSegment, SegmentStore } from "./segment-store.ts";

/** Large enough that updates are always fewer bytes than a snapshot. */
const LAYOUT: StateLayout = stateLayout([
  { name: "weight", role: "parameter", dtype: "float32", shape: [500, 20] },
  { name: "bias", role: "parameter", dtype: "float32", shape: [10] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [5] },
  { name: "count", role: "buffer", dtype: "int64", shape: [] },
]);

describe("SegmentArchive after a restart", () => {
  it.each([600, 607, 1_040, 9])("gives what its head named before, at version %i", async (end) => {
    const world = new RestartWorld();
    let archive = new SegmentArchive(world.feed, { store: world.store });
    await world.publish(archive, end);
    const before = decodeHttpHead(archive.head);
    const bodies = before.segments.map(({ from, to }) => archive.segment(from, to));
    archive[Symbol.dispose]();
    archive = new SegmentArchive(world.restart(), { store: world.store });
    await archive.settled();
    expect(decodeHttpHead(archive.head).segments).toEqual(before.segments);
    for (const [i, { from, to }] of before.segments.entries()) {
      expect(archive.segment(from, to)).toEqual(bodies[i]);
    }
    // And goes on from there, over the restart.
    await world.publish(archive, 300);
    expectWays(archive, world);
  });

  it("leaves nobody behind who comes while it still reads the log", async () => {
    const world = new RestartWorld();
    let archive = new SegmentArchive(world.feed, { store: world.store });
    await world.publish(archive, 600);
    archive[Symbol.dispose]();
    archive = new SegmentArchive(world.restart(), { store: world.store });
    for (let i = 0; i < 80; i++) world.publishOne();
    await archive.settled();
    expectWays(archive, world);
  });

  it("offers nothing that another key has signed, or that is of another life of the log", async () => {
    const world = new RestartWorld();
    const first = new SegmentArchive(world.feed, { store: world.store });
    await world.publish(first, 64);
    const { edition } = first;
    first[Symbol.dispose]();
    const signingKey = await importSigningKey(new Uint8Array(32).fill(1));
    const signed = new SegmentArchive(world.restart({ signingKey }), { store: world.store });
    await signed.settled();
    expect(signed.edition).not.toBe(edition);
    const policy = { required: true, keys: [signingKey.publicKey] };
    const { segments } = decodeHttpHead(signed.head);
    expect(segments.length).toBeGreaterThan(0);
    for (const { from, to } of segments) {
      for (const bytes of updatesOf(signed.segment(from, to)!)) await verifyUpdate(bytes, policy);
    }
    const saved = new Map(world.store.segments);
    world.store.segments.clear();
    // The log has lost its newest versions, and others took their place.
    for (const [name, segment] of saved) {
      const body = Uint8Array.from(segment.body);
      world.store.segments.set(name, { ...segment, from: segment.from + 16, to: segment.to, body });
    }
    const last = new SegmentArchive(world.restart({ signingKey }), { store: world.store });
    await last.settled();
    expect(decodeHttpHead(last.head).segments.every(({ from, to }) => to - from <= 1)).toBe(true);
  });

  it("goes on without its store, and says why", async () => {
    const world = new RestartWorld();
    const errors: unknown[] = [];
    const failure = new Error("disk is full");
    const store: SegmentStore = {
      isUsed: true,
      load: () => Promise.reject(failure),
      save: () => Promise.reject(failure),
    };
    const archive = new SegmentArchive(world.feed, {
      store,
      onStoreError: (error) => errors.push(error),
    });
    await world.publish(archive, 40);
    expect(errors).toEqual([failure, failure, failure]);
    const head = decodeHttpHead(archive.head);
    expect(reached(archive, head, world.past[0]!, LAYOUT)).toBe(head.fingerprint);
  });
});

/** Whoever is at the start of a segment can follow without an anchor. */
function expectWays(archive: SegmentArchive, { past }: RestartWorld): void {
  const head = decodeHttpHead(archive.head);
  const starts = past.filter(({ version }) => {
    const age = head.version - version;
    return age < 32 || (version % 16 === 0 && age < 496);
  });
  expect(starts.length).toBeGreaterThan(30);
  for (const from of starts) {
    expect([from.version, cheapestPath({ ...head, anchors: [] }, from.version)]).not.toEqual([
      from.version,
      null,
    ]);
    expect(reached(archive, head, from, LAYOUT)).toBe(head.fingerprint);
  }
}

/** A publisher that starts again over the same log. */
class RestartWorld {
  readonly publisher = new Publisher(new Random(5), randomState(new Random(6), 0, LAYOUT));
  readonly past = [copyOf(this.publisher)];
  readonly store = new MemorySegmentStore();
  readonly #log: Uint8Array[] = [];
  feed = this.restart();

  restart(options: { readonly signingKey?: SigningKey } = {}): Feed {
    const log = this.#log;
    const history: UpdateHistory = {
      async *range(from, to) {
        await Promise.resolve();
        yield* log.slice(from - 1, to);
      },
    };
    const { deployed } = this.publisher;
    this.feed = new Feed({
      ...{ manifest: { ...smallManifest(), layout: LAYOUT }, deployed, clock: systemClock },
      history,
      ...options,
    });
    return this.feed;
  }

  publishOne(): void {
    const { update, bytes } = this.publisher.next();
    this.#log.push(bytes);
    this.feed.publish(update, bytes);
    this.past.push(copyOf(this.publisher));
  }

  async publish(archive: SegmentArchive, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.publishOne();
      if (i % 16 === 0) await archive.settled();
    }
    await archive.settled();
  }
}

class MemorySegmentStore implements SegmentStore {
  readonly segments = new Map<string, ArchivedSegment & { readonly edition: string }>();

  get isUsed(): boolean {
    return this.segments.size > 0;
  }

  load(edition: string): Promise<readonly ArchivedSegment[]> {
    for (const [name, segment] of this.segments) {
      if (segment.edition !== edition) this.segments.delete(name);
    }
    return Promise.resolve([...this.segments.values()]);
  }

  save(edition: string, segment: ArchivedSegment, keptFrom: number): Promise<void> {
    const { level, from, to } = segment;
    for (const [name, other] of this.segments) {
      if (other.level === level && other.to <= keptFrom) this.segments.delete(name);
    }
    this.segments.set(`${from}-${to}`, { ...segment, edition });
    return Promise.resolve();
  }
}
