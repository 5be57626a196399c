/** The loop watches for drift: what the monitor sees, and what becomes of its verdicts. */
import { cloneState, DeployedState, ManualClock, numeric, stateBytes } from "@everfresh/core";
import { memoryLabelJoin, shiftedFeatures } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { driftStream, SMALL } from "./drift/monitor/drift-stream.fixture.ts";
import { DriftWatch } from "./drift/monitor/drift-watch.ts";
import { linearModel } from "./linear-session.fixture.ts";
import { points } from "./points.fixture.ts";
import { emptyStores, optionsOn, run } from "./trainer.fixture.ts";
import { RESPONDING, WATCHED } from "./trainer.watched.fixture.ts";

const stream = points({ size: 160, inputs: 12, classes: 4 });
const changing = shiftedFeatures(stream, { fromSample: 40, features: [0, 1, 2, 3], by: 6 });

describe("a run that watches for drift", () => {
  it.each([undefined, 0, 21, 500])(
    "shows the monitor every sample and every label once; labels %s samples late",
    async (lagSamples) => {
      const lag = lagSamples === undefined ? {} : { lagSamples };
      const options = await optionsOn(emptyStores(), { watched: WATCHED, source: stream, ...lag });
      await run(options);
      const status = options.drift?.status();
      expect(status).toMatchObject({ samples: 160, labelled: 160 });
      const odd = Object.entries(status?.counts ?? {}).filter(([, count]) => count > 0);
      expect(odd).toEqual([]);
      expect(options.drift?.watched).toBe(160 + (lagSamples ?? 0));
      expect(options.drift?.positions).toBe(160);
    },
  );

  it("tells its strategy of verdicts, and records what that does and what it has led to", async () => {
    const told: unknown[] = [];
    const options = await optionsOn(emptyStores(), {
      ...{ watched: WATCHED, source: changing, strategy: RESPONDING, lagSamples: 21 },
      onDrift: ({ record }, action) => told.push([record?.id, action?.kind]),
    });
    await run(options);
    const [drift] = options.drift?.history().filter(({ verdict }) => verdict === "drift") ?? [];
    expect(drift?.at.sequence).toBeGreaterThan(40);
    expect(drift?.at.sequence).toBeLessThan(80);
    expect(told).toContainEqual([drift?.id, "window"]);
    const { kind, range, versions } = drift?.action ?? {};
    expect(kind).toBe("window");
    expect(versions).toEqual({ from: drift?.version, to: (drift?.version ?? 0) + 1 });
    // No position that has no label yet.
    expect(range?.from).toBeLessThanOrEqual((drift?.at.sequence ?? 0) - 21 + 1);
  });

  it("goes by the state that is deployed once so many samples are learned", async () => {
    const stores = emptyStores();
    const { state } = linearModel(12, 4);
    const before = stateBytes(cloneState(state));
    const drift = new DriftWatch({
      ...{ spec: WATCHED, features: 12, classes: 4, seed: 5, preprocessing: numeric(12) },
      ...{ initial: state, pinFirstAt: 40 },
    });
    const deployed: Uint8Array[] = [];
    const options = await optionsOn(stores, { source: stream, drift });
    await run({
      ...options,
      publisher: {
        publish: (update) => {
          deployed.push(stateBytes(options.deployed.state).slice());
          return stores.publisher.publish(update);
        },
      },
    });
    // Five steps of eight samples: what the sixth update applies to.
    expect(stateBytes(drift.pinned)).toEqual(deployed[5]);
    expect(stateBytes(drift.pinned)).not.toEqual(before);
    const again = new DriftWatch({
      ...{ spec: WATCHED, features: 12, classes: 4, seed: 5, preprocessing: numeric(12) },
      ...{ initial: state, checkpoint: drift.checkpoint() },
    });
    expect(stateBytes(again.pinned)).toEqual(deployed[5]);
  });

  it.each([
    [{}, 160],
    [{ pinFirstAt: 1_000 }, 0],
  ])("looks at errors of the initial state unless that is fresh: %j", async (fresh, taken) => {
    const drift = new DriftWatch({
      ...{ spec: WATCHED, features: 12, classes: 4, seed: 5, preprocessing: numeric(12) },
      ...{ initial: linearModel(12, 4).state, ...fresh },
    });
    await run(await optionsOn(emptyStores(), { source: stream, drift }));
    const errors = drift.status().signals.find(({ name }) => name === "errors");
    expect(errors?.taken).toBe(taken);
  });

  it("lets go of samples whose labels were given up", async () => {
    const join = memoryLabelJoin({ clock: new ManualClock(), pendingMax: 10 });
    const stores = { ...emptyStores(), join };
    const options = await optionsOn(stores, { watched: WATCHED, source: stream, lagSamples: 21 });
    await run(options);
    const { expiredByRoom, joined } = join.stats();
    expect(expiredByRoom).toBeGreaterThan(100);
    expect(options.drift?.status()).toMatchObject({
      ...{ samples: 160, labelled: joined },
      counts: { expired: expiredByRoom },
    });
  });

  it("numbers its records after those of the monitors before it", async () => {
    const drift = new DriftWatch({
      ...{ spec: WATCHED, features: 12, classes: 4, seed: 5, preprocessing: numeric(12) },
      ...{ initial: linearModel(12, 4).state, recordsBefore: 7 },
    });
    await run(await optionsOn(emptyStores(), { source: changing, drift }));
    expect(drift.history().map(({ id }) => id)).toEqual(drift.history().map((_, i) => 8 + i));
    expect(drift.status().records).toBe(7 + drift.history().length);
    expect(drift.history()).not.toHaveLength(0);
  });

  it("tells what becomes of an open drift when another state is pinned", () => {
    const { state } = linearModel(4, 3);
    const signals = SMALL.signals?.slice(0, 1) ?? [];
    const watch = new DriftWatch({
      ...{ spec: { ...SMALL, signals }, features: 4, classes: 3, seed: 1 },
      ...{ preprocessing: numeric(4), initial: state, pinFirstAt: 2_000 },
    });
    const told: unknown[] = [];
    watch.follow(({ record }) => told.push([record?.verdict, record?.outcome]));
    const parts = [{ count: 800 }, { count: 200, feature: 3 }];
    for (const { predicted } of driftStream(8, parts)) {
      const { sequence, eventTimeMs } = predicted;
      const sample = { features: Float32Array.from(predicted.features), eventTimeMs };
      watch.turn(sequence, { sample, version: 1, outputs: new Float32Array(9) }, []);
    }
    expect(told.at(-1)).toEqual(["drift", "open"]);
    watch.trained(1_999, new DeployedState(cloneState(state), 9));
    expect(told.at(-1)).toEqual(["drift", "open"]);
    watch.trained(2_000, new DeployedState(cloneState(state), 10));
    expect(told.at(-1)).toEqual(["drift", "unsettled"]);
    expect(watch.history().at(-1)).toMatchObject({ outcome: "unsettled" });
  });
});
