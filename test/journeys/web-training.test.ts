import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { DeployedState } from "@everfresh/core";
import * as node from "@everfresh/engine";
import { lenet5, openInference, openTrainingSession } from "@everfresh/engine";
import { chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, QUIET } from "./browser.ts";
import { temporaryFolder } from "./program.ts";
import { bundleSize } from "./web-training/bundle-size.ts";
import type { CheckpointText, Journey, TrainReport, TrainRequest } from "./web-training/page.ts";
import { buildSite, serveSite } from "./web-training/site.ts";
import { samples } from "./web-training/task.ts";

const STEPS = 50;
const BATCH = 32;
// Compressed, without ONNX Runtime, whose WebAssembly alone is 14 MB: 81 and 36 kB when this was set.
const PAGE_BYTES_MAX = 110_000;
const WORKER_BYTES_MAX = 60_000;
const SGD = node.sgd({ learningRate: 0.05, momentum: 0.9 });
const ADAM = node.adam({ learningRate: 1e-3 });

// The page offers what the test asks for as a global.
declare const journey: Journey;

/** Trains in Node as the page does. */
async function trainInNode(request: TrainRequest): Promise<Omit<TrainReport, "turns" | "openMs">> {
  const { steps, batchSize, optimizer, checkpoint } = request;
  await using session = await openTrainingSession(lenet5({ seed: 1 }), {
    batchSize,
    optimizer,
    plan: { workers: 1 },
    ...(checkpoint === undefined ? {} : { checkpoint: fromText(checkpoint) }),
  });
  const opened = toText(session.checkpoint());
  const losses: number[] = [];
  const stepsMs: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss, stepMs } = await session.step(samples(batchSize, step));
    losses.push(loss);
    stepsMs.push(stepMs);
  }
  return { plan: session.plan, opened, closed: toText(session.checkpoint()), losses, stepsMs };
}

describe("the web entry of the engine", () => {
  it("has the names of the Node entry, and those of its own options", () => {
    const [web, both] = [namesOf("web/index.ts"), namesOf("index.ts")];
    const own = ["WasmPaths", "WebInferenceOptions", "WebOptions", "WebTrainingOptions"];
    // There is one worker on the web, so there are no plans to choose from.
    const nodeOnly = ["MeasuredPlan", "PlanMeasurementOptions", "measurePlan"];
    const shared = both.filter((name) => !nodeOnly.includes(name));
    expect(web).toEqual([...shared, ...own].sort());
  });

  it("imports nothing of Node, and is small beside ONNX Runtime", async () => {
    const { page, worker } = await bundleSize();
    expect(page).toBeLessThan(PAGE_BYTES_MAX);
    expect(worker).toBeLessThan(WORKER_BYTES_MAX);
  });
});

describe.runIf(existsSync(CHROMIUM))(`the engine in ${CHROMIUM}`, () => {
  const folder = temporaryFolder();
  const closing = new AsyncDisposableStack();
  let tab: Page;
  let isolatedTab: Page;

  beforeAll(async () => {
    await buildSite(folder.path);
    const { address } = closing.use(await serveSite(folder.path));
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET] });
    closing.defer(() => browser.close());
    tab = await browser.newPage();
    await tab.goto(address);
    isolatedTab = await browser.newPage();
    await isolatedTab.goto(`${address}isolated/`);
  });

  afterAll(async () => {
    await closing.disposeAsync();
    folder[Symbol.dispose]();
  });

  const train = (request: TrainRequest): Promise<TrainReport> =>
    tab.evaluate((asked) => journey.train(asked), request);

  it("trains LeNet-5 to the result of Node, and leaves the page its main thread", async () => {
    const request = { steps: STEPS, batchSize: BATCH, optimizer: SGD };
    const [there, here] = [await train(request), await trainInNode(request)];
    expect(there.plan).toMatchObject({ backend: "wasm", provider: "cpu", workers: 1 });
    expect(there.opened).toEqual(here.opened);
    expect(there.losses[0]).toBeGreaterThan(2);
    expect(there.losses.at(-1)).toBeLessThan(0.5);
    expect(largestDifference(there.losses, here.losses)).toBeLessThan(1e-4);
    expect(largestDifference(parametersOf(there.closed), parametersOf(here.closed))).toBeLessThan(
      1e-4,
    );
    // Between the call of a step and its end the page came to do other things, every time.
    expect(Math.min(...there.turns)).toBeGreaterThan(0);
  });

  it("goes on from a checkpoint of Node, and Node from its, to the last byte", async () => {
    const first = await trainInNode({ steps: 3, batchSize: BATCH, optimizer: ADAM });
    const request = { steps: 2, batchSize: BATCH, optimizer: ADAM, checkpoint: first.closed };
    const there = await train(request);
    expect(there.opened).toEqual(first.closed);
    expect(there.closed).not.toEqual(first.closed);
    const back = await trainInNode({ ...request, steps: 0, checkpoint: there.closed });
    expect(back.opened).toEqual(there.closed);
  });

  it("predicts as Node does, and applies an update to the same fingerprint", async () => {
    const size = 40;
    const model = lenet5({ seed: 1 });
    const indices = Array.from({ length: 500 }, (_, i) => 100 * i);
    const values = indices.map((_, i) => Math.fround(Math.sin(i)));
    const there = await tab.evaluate((asked) => journey.infer(asked), {
      size,
      update: { indices, values },
    });
    const deployed = new DeployedState(model.state, 0);
    const { state, version, fingerprint } = deployed;
    const graph = node.inferenceGraph(model);
    await using session = await openInference(
      graph,
      { state, version, fingerprint },
      { mode: "patch" },
    );
    const { inputs } = samples(size, 0);
    const before = await session.predict(inputs, size);
    const update = deployed.updateFor({
      valueType: "float32",
      indices: Uint32Array.from(indices),
      values: Float32Array.from(values),
      buffers: [],
    });
    const applied = await session.apply(update);
    const after = await session.predict(inputs, size);
    expect(there.mode).toBe("patch");
    expect(there.fingerprints).toEqual([fingerprint, applied.fingerprint, applied.fingerprint]);
    expect(largestDifference(there.before, before.outputs)).toBeLessThan(1e-5);
    expect(largestDifference(there.after, after.outputs)).toBeLessThan(1e-5);
    expect(largestDifference(there.before, there.after)).toBeGreaterThan(0.01);
  });

  it("says what is not there, and changes nothing when a step cannot be used", async () => {
    const missing = "EF_RUNTIME_UNAVAILABLE";
    const refused = await tab.evaluate(async () => [
      await journey.trainingRefusal({ plan: { threadsPerWorker: 2 } }),
      await journey.trainingRefusal({ plan: { provider: "webgpu" } }),
      await journey.trainingRefusal({ plan: { provider: "cuda" } }),
      await journey.trainingRefusal({ wasmPaths: { wasm: "nowhere.wasm" } }),
      await journey.inferenceRefusal({ threads: 2 }),
      await journey.inferenceRefusal({ provider: "webgpu" }),
      await journey.inferenceRefusal({ wasmPaths: { wasm: "nowhere.wasm" } }),
    ]);
    expect(refused).toEqual(refused.map(() => missing));
    expect(await tab.evaluate(() => journey.overflow())).toEqual({
      code: "EF_NON_FINITE_LOSS",
      kept: true,
    });
  });

  it("uses several threads in a page that is given memory that they share", async () => {
    const request = { steps: 3, batchSize: BATCH, optimizer: SGD };
    expect(await isolatedTab.evaluate(() => journey.isolated)).toBe(true);
    const there = await isolatedTab.evaluate((asked) => journey.train(asked), {
      ...request,
      plan: { threadsPerWorker: 2 },
    });
    const here = await trainInNode(request);
    expect(there.plan).toMatchObject({ threadsPerWorker: 2 });
    expect(largestDifference(there.losses, here.losses)).toBeLessThan(1e-4);
  });
});

/** All that an entry of the engine exports, types too. */
function namesOf(entry: string): string[] {
  const file = path.join(import.meta.dirname, "../../packages/engine/src", entry);
  const lists = readFileSync(file, "utf8").matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  const names = Array.from(lists, ([, list = ""]) => list.split(",")).flat();
  const bare = names.map((name) => name.replace("type ", "").trim());
  return bare.filter((name) => name !== "").sort();
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((largest, x, i) => Math.max(largest, Math.abs(x - (b[i] ?? NaN))), 0);
}

function parametersOf(checkpoint: CheckpointText): Float32Array {
  return new Float32Array(fromText(checkpoint).state.buffer);
}

function toText({ state, optimizer }: node.TrainingCheckpoint): CheckpointText {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  return { state: text(state), optimizer: text(optimizer) };
}

function fromText({ state, optimizer }: CheckpointText): node.TrainingCheckpoint {
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));
  return { state: bytes(state), optimizer: bytes(optimizer) };
}
