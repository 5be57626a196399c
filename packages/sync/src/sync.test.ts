import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { Feed } from "./feed/feed.ts";
import { ManualTime, settled } from "./manual-time.fixture.ts";
import { Publisher, smallManifest } from "./publisher.fixture.ts";
import { DeployedRuntime } from "./replica/deployed-runtime.fixture.ts";
import { openReplica } from "./replica/open-replica.ts";
import type { Replica } from "./replica/replica.ts";
import { RandomFaults } from "./transport/faults.fixture.ts";
import { MemoryTransport } from "./transport/memory-transport.ts";

const RATES = { drop: 0.05, corrupt: 0.05, duplicate: 0.1, reorder: 0.05 };
const FIRST_SEED = Number(process.env["EVERFRESH_SIMULATION_SEED"] ?? 0);
const RUNS = Number(process.env["EVERFRESH_SIMULATION_RUNS"] ?? 50);
const SEEDS = Array.from({ length: RUNS }, (_, i) => FIRST_SEED + i);

/** A publisher, its feed and a replica over a bad line; the server can crash and come back. */
class World {
  readonly time: ManualTime = new ManualTime();
  readonly random: Random;
  readonly runtime: DeployedRuntime = new DeployedRuntime();
  readonly publisher: Publisher;
  readonly faults: RandomFaults;
  readonly transport: MemoryTransport;
  #feed: Feed;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.publisher = new Publisher(new Random(seed, 1));
    this.faults = new RandomFaults(new Random(seed, 2), RATES);
    this.#feed = this.#openFeed();
    this.transport = new MemoryTransport({
      accept: (connection) => this.#feed.connect(connection),
      faults: this.faults,
    });
  }

  async open(): Promise<Replica> {
    const { transport, runtime, time, random } = this;
    const options = { transport, runtime, clock: time, timers: time, random };
    const opening = openReplica({ ...options, connectTimeoutMs: 1e9 });
    const progress = { isOpen: false };
    void opening.then(() => (progress.isOpen = true));
    while (!progress.isOpen) await time.advance(1_000);
    return opening;
  }

  publish(): void {
    const { update, bytes } = this.publisher.next();
    this.#feed.publish(update, bytes);
  }

  /** The server dies without a word and comes back at the version where it was. */
  restart(): void {
    this.transport.breakConnections();
    this.#feed[Symbol.dispose]();
    this.#feed = this.#openFeed();
  }

  #openFeed(): Feed {
    const { deployed } = this.publisher;
    return new Feed({ manifest: smallManifest(), deployed, clock: this.time, timers: this.time });
  }
}

describe("feed and replica over a line that drops, corrupts, duplicates and reorders", () => {
  it.each(SEEDS)(
    "end at the same fingerprint, having served published states only (seed %i)",
    async (seed) => {
      const world = new World(seed);
      const replica = await world.open();
      for (let round = 0; round < 150; round++) {
        const what = world.random.below(100);
        if (what < 70) world.publish();
        else if (what < 94) await world.time.advance(world.random.below(3_000));
        else if (what < 96) world.restart();
        else if (what < 98) world.transport.breakConnections();
        else world.transport.reachable = false;
        if (world.random.below(5) === 0) world.transport.reachable = true;
        await settled();
        expect(world.publisher.fingerprints).toContain(replica.status().fingerprint);
      }
      expect(Object.values(world.faults.counts).some((count) => count > 0)).toBe(true);

      world.faults.active = false;
      world.transport.reachable = true;
      await world.time.advance(120_000);
      const { version, fingerprint } = world.publisher.deployed;
      expect(replica.status()).toMatchObject({ phase: "live", version, fingerprint });
      expect((await replica.predict(new Float32Array(20), 1)).fingerprint).toBe(fingerprint);
      for (const served of world.runtime.served) {
        expect(world.publisher.fingerprints).toContain(served);
      }
      await replica[Symbol.asyncDispose]();
      expect(world.runtime.openSessions).toBe(0);
    },
  );
});
