import { ManualClock, type Update } from "@everfresh/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BakingInference, type BakingWorker } from "./inference-baking.ts";
import type { InferenceWorkerReport } from "./inference-protocol.ts";
import type { StateVersion } from "./inference-session.ts";

const REPORT: InferenceWorkerReport = {
  runtime: { backend: "native", provider: "cpu", version: "1.0.0", fallbackReason: null },
  mode: "bake",
  bakeMs: 1,
};
const BAKE_EVERY_MS = 100;
const BAKE_MS = 5;
const NOTHING = new Float32Array();

const clock = new ManualClock();

/** A worker of which only the versions are real; bakes take {@link BAKE_MS}. */
class FakeWorker implements BakingWorker {
  readonly report = REPORT;
  readonly crashed: Promise<Error>;
  readonly crash: (error: Error) => void;
  applied = 0;
  answering: number | null;
  bakes = 0;
  scrubs = 0;
  checking: Promise<void> = Promise.resolve();
  rotten: Error | null = null;
  failure: Error | null = null;
  ended: Error | null = null;

  constructor(answering: number | null) {
    this.answering = answering;
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.crashed = promise;
    this.crash = resolve;
  }

  checkRoom(): void {}

  predict() {
    if (this.answering === null) throw new Error("asked while it rests");
    return Promise.resolve({ outputs: NOTHING, runMs: 1, ...version(this.answering) });
  }

  apply(update: Update) {
    if (this.failure !== null) return Promise.reject(this.failure);
    this.applied = update.toVersion;
    return Promise.resolve(version(this.applied));
  }

  replace(snapshot: StateVersion) {
    this.applied = snapshot.version;
    return Promise.resolve(version(this.applied));
  }

  async scrub() {
    this.scrubs++;
    await this.checking;
    if (this.rotten !== null) throw this.rotten;
  }

  async bake() {
    const baked = this.applied;
    this.bakes++;
    await new Promise((resolve) => setTimeout(resolve, BAKE_MS));
    if (this.failure !== null) throw this.failure;
    this.answering = baked;
    return version(baked);
  }

  rest() {
    this.answering = null;
    return Promise.resolve();
  }

  end(reason?: Error) {
    this.ended ??= reason ?? new Error("ended");
    return Promise.resolve();
  }
}

function version(number: number): StateVersion {
  return { version: number, fingerprint: String(number).padStart(32, "0") };
}

function updateTo(toVersion: number): Update {
  return {
    eventTimeMs: null,
    fromVersion: toVersion - 1,
    toVersion,
    fingerprintBefore: version(toVersion - 1).fingerprint,
    fingerprintAfter: version(toVersion).fingerprint,
    valueType: "float32",
    indices: new Uint32Array(),
    values: new Float32Array(),
    buffers: [],
  };
}

async function pass(durationMs: number): Promise<void> {
  for (let passed = 0; passed < durationMs; passed++) {
    clock.advance(1);
    await vi.advanceTimersByTimeAsync(1);
  }
}

describe("BakingInference", () => {
  let first: FakeWorker;
  let second: FakeWorker;
  let session: BakingInference;

  const answering = async () => (await session.predict(NOTHING, 1)).version;

  beforeEach(() => {
    vi.useFakeTimers();
    first = new FakeWorker(0);
    second = new FakeWorker(null);
    session = new BakingInference({
      serving: first,
      spare: second,
      version: version(0),
      bakeEveryMs: BAKE_EVERY_MS,
      clock,
    });
  });

  afterEach(() => vi.useRealTimers());

  it("bakes the first update at once, in the worker that does not answer", async () => {
    expect(await session.apply(updateTo(1))).toEqual(version(1));
    expect(await answering()).toBe(0);
    await pass(BAKE_MS + 1);
    expect(await answering()).toBe(1);
    expect([first.bakes, second.bakes]).toEqual([0, 1]);
    expect(first.answering).toBeNull();
  });

  it("bakes no more often than asked, and no update waits longer than it says", async () => {
    let newest = 0;
    let oldestSeen = 0;
    const appliedAtMs: number[] = [];
    for (let step = 0; step < 1_000; step++) {
      if (step % 7 === 0) {
        appliedAtMs[++newest] = clock.nowMs();
        await session.apply(updateTo(newest));
      }
      await pass(1);
      const answered = await answering();
      expect(answered).toBeGreaterThanOrEqual(oldestSeen);
      oldestSeen = answered;
      const waiting = appliedAtMs[answered + 1] ?? clock.nowMs();
      expect(clock.nowMs() - waiting).toBeLessThanOrEqual(session.freshnessMs + 2);
    }
    expect(first.bakes + second.bakes).toBe(1_000 / BAKE_EVERY_MS);
    expect(session.freshnessMs).toBeLessThanOrEqual(BAKE_EVERY_MS + BAKE_MS + 1);
  });

  it("bakes nothing while nothing changes", async () => {
    await session.apply(updateTo(1));
    await pass(10 * BAKE_EVERY_MS);
    expect(first.bakes + second.bakes).toBe(1);
  });

  it("takes a snapshot at once, after the bake that goes on", async () => {
    await session.apply(updateTo(1));
    await pass(1);
    const replaced = session.replace({ ...version(0), state: { buffer: NOTHING } as never });
    await pass(2 * BAKE_MS + 2);
    expect(await replaced).toEqual(version(0));
    expect(await answering()).toBe(0);
    expect([first.bakes, second.bakes]).toEqual([1, 1]);
  });

  it("checks both states, then bakes anew what was checked unless a bake came meanwhile", async () => {
    const checked = session.scrub();
    await pass(BAKE_MS + 1);
    await checked;
    expect([first.scrubs, second.scrubs]).toEqual([1, 1]);
    expect([first.bakes, second.bakes]).toEqual([0, 1]);
    const checking: PromiseWithResolvers<void> = Promise.withResolvers();
    second.checking = checking.promise;
    const again = session.scrub();
    await session.apply(updateTo(1));
    await pass(2 * BAKE_EVERY_MS);
    checking.resolve();
    await again;
    expect([first.bakes, second.bakes]).toEqual([1, 1]);
    first.rotten = new Error("a flipped bit");
    await expect(session.scrub()).rejects.toBe(first.rotten);
    expect([first.bakes, second.bakes]).toEqual([1, 1]);
  });

  it("ends when a bake fails, and says why from then on", async () => {
    await session.apply(updateTo(1));
    second.failure = new Error("out of memory");
    await pass(BAKE_MS + 1);
    expect(first.ended).toBe(second.failure);
    await expect(session.predict(NOTHING, 1)).rejects.toBe(second.failure);
    await expect(session.apply(updateTo(2))).rejects.toBe(second.failure);
  });

  it("ends when a worker crashes, though the other could go on with what it has", async () => {
    const error = new Error("crash");
    second.crash(error);
    await pass(1);
    expect(first.ended).toBe(error);
    await expect(session.predict(NOTHING, 1)).rejects.toBe(error);
  });

  it("ends when one worker refuses what the other takes", async () => {
    second.failure = new Error("a flipped bit");
    await session.apply(updateTo(1));
    await pass(1);
    await expect(session.predict(NOTHING, 1)).rejects.toHaveProperty("code", "EF_WORKER_CRASHED");
  });

  it("plans no bake after it is closed", async () => {
    await session.apply(updateTo(1));
    await session[Symbol.asyncDispose]();
    await pass(2 * BAKE_EVERY_MS);
    expect(second.bakes).toBe(0);
    await expect(session.apply(updateTo(2))).rejects.toHaveProperty("code", "EF_SESSION_CLOSED");
  });
});
