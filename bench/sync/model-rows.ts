/** The rows of one model: one training run, followed by all its copies at once. */
import { classes, image } from "@everfresh/core";
import { adam, inferenceGraph, type Model, openTrainingSession } from "@everfresh/engine";
import { encodeManifest } from "@everfresh/sync";
import { workloadOf } from "../workloads.ts";
import { type EstimateSource, FollowedCopy } from "./followed-copy.ts";
import { realBatches } from "./real-batches.ts";
import {
  MANIFEST_UPDATES,
  messageBytes,
  reductionsOf,
  type ValuesName,
} from "./wire-arithmetic.ts";

/** What to train, and which copies follow. */
export interface ModelRun {
  readonly model: string;
  readonly batch: number;
  /** Steps, each followed by one update of every copy. */
  readonly steps: number;
  /** The first of them, which are not counted: a copy begins with no difference at all. */
  readonly settling: number;
  readonly ratios: readonly number[];
  readonly values: readonly ValuesName[];
  /** Updates from one with buffers to the next, at this ratio. */
  readonly buffersEvery: (ratio: number) => number;
  readonly folder: string;
  /** Told after every step, and where batches come from before the first one. */
  readonly onStep: (step: number, steps: number) => void;
  readonly onData: (name: string) => void;
}

/** One case as `--json` prints it; bytes are means over the updates, times medians. */
export interface WireCase {
  readonly model: string;
  readonly parameters: number;
  readonly entriesSent: number;
  readonly ratio: number;
  readonly values: ValuesName;
  readonly updateBytesMean: number;
  readonly denseBytes: number;
  readonly reductionParameters: number;
  readonly reductionAll: number;
  readonly buffersEvery: number;
  readonly entropyBoundBytes: number;
  readonly selectMs: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  readonly applyMs: number;
}

/** A case with what it is compared with. */
export interface WireRow {
  readonly wire: WireCase;
  /** Where its bytes go. */
  readonly parts: {
    readonly update: number;
    readonly body: number;
    readonly buffers: number;
    readonly manifest: number;
  };
  readonly gzipBytes: number;
  readonly zstdBytes: number;
}

/** Trains and measures. */
export async function rowsOf(run: ModelRun): Promise<readonly WireRow[]> {
  const { batch, steps, settling, ratios, values, folder } = run;
  const workload = workloadOf(run.model);
  const model = workload.model();
  const batches = await realBatches(workload, folder);
  run.onData(batches.name);
  await using session = await openTrainingSession(model, {
    optimizer: adam({ learningRate: 1e-3 }),
    batchSize: batch,
    plan: { workers: 2 },
  });
  const copies = ratios.flatMap((ratio) =>
    values.map((type) => new FollowedCopy(model.state, ratio, type)),
  );
  const { history, preprocessing } = batches;
  const estimates: EstimateSource = {
    ...{ session, history, preprocessing, batchSize: batch },
    sampler: { position: { seed: 1, stream: 0, drawn: 0 } },
    buffers: { batches: Math.max(1, Math.round(ESTIMATE_SAMPLES / batch)) },
  };
  const hasBuffers = model.state.layout.tensors.some(({ role }) => role === "buffer");
  const paces = ratios.map(run.buffersEvery);
  const last = hasBuffers ? Math.max(steps, settling + Math.max(...paces)) : steps;
  const bufferBytes = new Map(copies.map((copy) => [copy, [] as number[]]));
  for (let step = 0; step < last; step++) {
    await session.step(batches.next(batch));
    for (const copy of copies) {
      if (step < steps) copy.follow(session.state, step >= settling);
      else copy.move(session.state);
      const isDue = [0, run.buffersEvery(copy.ratio)].includes(step + 1 - settling);
      if (hasBuffers && isDue) bufferBytes.get(copy)?.push(await copy.renewBuffers(estimates));
    }
    run.onStep(step + 1, last);
  }
  const manifestBytes = manifestBytesOf(run.model, model);
  return copies.map((copy) => {
    const [whole = 0, next = whole] = bufferBytes.get(copy) ?? [];
    const estimatesMade = MANIFEST_UPDATES / run.buffersEvery(copy.ratio);
    const mean = next + (whole - next) / Math.max(1, estimatesMade);
    return rowOf(run, model, copy, { bufferBytes: mean, manifestBytes });
  });
}

/** As many as four batches of 128 have. */
const ESTIMATE_SAMPLES = 512;

function rowOf(
  run: ModelRun,
  { state: { layout } }: Model,
  copy: FollowedCopy,
  { bufferBytes, manifestBytes }: { readonly bufferBytes: number; readonly manifestBytes: number },
): WireRow {
  const { ratio, values } = copy;
  const weights = copy.weights();
  const buffersEvery = run.buffersEvery(ratio);
  const message = messageBytes(weights.updateBytes);
  const reductions = reductionsOf(
    { messageBytes: message, bufferBytes, buffersEvery, manifestBytes },
    { parameterBytes: 4 * layout.parameterCount, stateBytes: layout.byteLength },
  );
  const { selectMs, encodeMs, decodeMs, applyMs } = weights;
  const wire: WireCase = {
    model: run.model,
    parameters: layout.parameterCount,
    entriesSent: weights.entries,
    ratio,
    values,
    updateBytesMean: reductions.updateBytesMean,
    denseBytes: layout.byteLength,
    reductionParameters: reductions.reductionParameters,
    reductionAll: reductions.reductionAll,
    buffersEvery,
    entropyBoundBytes: weights.boundBytes,
    ...{ selectMs, encodeMs, decodeMs, applyMs },
  };
  const buffers = bufferBytes / buffersEvery;
  const manifest = reductions.updateBytesMean - message - buffers;
  return {
    wire,
    parts: { update: message, body: weights.bodyBytes, buffers, manifest },
    gzipBytes: weights.gzipBytes,
    zstdBytes: weights.zstdBytes,
  };
}

/** What a replica gets once, before its first state. */
function manifestBytesOf(name: string, model: Model): number {
  const [channels = 1, height = 1, width = 1] = model.input.shape;
  const scale = Array.from({ length: channels }, () => 1);
  const manifest = {
    name,
    logId: "01234567-89ab-cdef-0123-456789abcdef/1",
    graph: inferenceGraph(model),
    layout: model.state.layout,
    input: model.input,
    output: model.output,
    preprocessing: image({ width, height, channels, mean: scale, std: scale }),
    target: classes(10),
  };
  return encodeManifest(manifest).length;
}
