/**
 * Whether a row can be trusted: the same network from the same weights on the same stream in PyTorch,
 * in a loop of its own, and the baselines of River.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { dataOf, preprocessBatch } from "@everfresh/core";
import { epochOrders } from "../../packages/learn/src/strategies/epoch-order.ts";
import { type PythonProcess, startPython } from "../peers/torch.ts";
import { LEARNING_RATE, type OpenedStream, type StreamExperiment } from "./experiments.ts";
import { initialTraining, type StreamRun, type StreamStart } from "./row.ts";
import { BATCH_SIZE, type NamedStrategy } from "./strategies.ts";

/** One strategy here and there. */
export interface PeerRow {
  readonly strategy: string;
  readonly lag: number;
  /** Shares of right predictions. */
  readonly ours: number;
  readonly theirs: number;
  /** Share of the samples that both predict right or both wrong; null for baselines. */
  readonly alike: number | null;
}

/** What was compared; null for a peer that is not installed. */
export interface PeerReport {
  readonly torch: string | null;
  readonly river: string | null;
  readonly rows: readonly PeerRow[];
}

/** Where River may be, unless EVERFRESH_RIVER_PYTHON names another Python. */
const RIVER_PYTHONS = ["/opt/river/bin/python", "python3"];

/** Compares strategies that PyTorch's loop knows: never, online, uniform and window. */
export async function peerReport(
  opened: OpenedStream,
  start: StreamStart,
  {
    experiment,
    seed,
    lags,
    strategies,
  }: {
    readonly experiment: StreamExperiment;
    readonly seed: number;
    readonly lags: readonly number[];
    readonly strategies: readonly NamedStrategy[];
  },
): Promise<PeerReport> {
  const folder = mkdtempSync(path.join(tmpdir(), "everfresh-streams-"));
  try {
    writeCase(folder, opened, experiment, seed);
    const torch = startPython("torch_streams.py", [folder]);
    const answer = (await torch?.next()) as { readonly version: string } | undefined;
    const rows: PeerRow[] = [];
    let river: string | null = null;
    for (const lag of lags) {
      for (const [i, strategy] of strategies.entries()) {
        const run = await start.run(strategy, { lag, seed, curveEvery: 1 });
        const baselines = i === 0 ? riverRows(opened, run, lag) : null;
        rows.push(...(baselines?.rows ?? []));
        river ??= baselines?.version ?? null;
        if (torch !== null) rows.push(await torchRow(torch, folder, { strategy, lag, seed, run }));
      }
    }
    await torch?.close();
    return { torch: answer?.version ?? null, river, rows };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** All that PyTorch needs to do the same. */
function writeCase(
  folder: string,
  { initial, stream, preprocessing, model }: OpenedStream,
  experiment: StreamExperiment,
  seed: number,
): void {
  const samples = [...initial, ...stream];
  const write = (name: string, data: NodeJS.ArrayBufferView): void =>
    writeFileSync(path.join(folder, name), data);
  const features = samples.map((sample) => sample.features);
  write("inputs.bin", preprocessBatch(preprocessing, features));
  write(
    "labels.bin",
    Int32Array.from(samples, ({ label }) => label),
  );
  const { tensors } = model.state.layout;
  const weights = tensors.flatMap((tensor) => Array.from(dataOf(model.state, tensor), Number));
  write("weights.bin", Float32Array.from(weights));
  const { samples: ranges, epochs, order } = initialTraining(initial.length, experiment, seed);
  // Each epoch is copied at once: the next one overwrites it.
  const orders = Array.from(epochOrders(ranges, epochs, order), (each) => [...each]);
  write("order.bin", Uint32Array.from(orders.flat()));
  const biases = tensors.filter(({ shape }) => shape.length === 1);
  const sizes = [model.input.shape[0], ...biases.map(({ shape }) => shape[0])];
  const facts = { sizes, initial: initial.length, batch: BATCH_SIZE, learningRate: LEARNING_RATE };
  writeFileSync(path.join(folder, "case.json"), JSON.stringify(facts));
}

async function torchRow(
  torch: PythonProcess,
  folder: string,
  {
    strategy: { name, label, spec },
    lag,
    seed,
    run: { row, hits },
  }: {
    readonly strategy: NamedStrategy;
    readonly lag: number;
    readonly seed: number;
    readonly run: StreamRun;
  },
): Promise<PeerRow> {
  const sampler = spec.kind === "proactive" ? spec.sampler : undefined;
  const triggers = { frozen: 0, online: BATCH_SIZE };
  torch.send({
    name,
    lag,
    seed,
    trigger:
      spec.kind === "proactive" ? spec.triggerSize : triggers[spec.kind as keyof typeof triggers],
    ...(sampler?.kind === "window" ? { window: sampler.samples } : {}),
  });
  const { accuracy } = (await torch.next()) as { readonly accuracy: number };
  const theirs = readFileSync(path.join(folder, `${name}.bin`));
  const same = hits.reduce((count, hit, i) => count + (hit === theirs[i] ? 1 : 0), 0);
  return { strategy: label, lag, ours: row.accuracy, theirs: accuracy, alike: same / hits.length };
}

/** The baselines of River beside ours; null without River. */
function riverRows(
  { stream }: OpenedStream,
  { row }: StreamRun,
  lag: number,
): { readonly version: string; readonly rows: readonly PeerRow[] } | null {
  const wished = process.env["EVERFRESH_RIVER_PYTHON"];
  const script = fileURLToPath(new URL("../peers/river_baselines.py", import.meta.url));
  for (const python of wished === undefined ? RIVER_PYTHONS : [wished]) {
    if (python.startsWith("/") && !existsSync(python)) continue;
    const input = stream.map(({ label }) => label).join("\n");
    const { status, stdout } = spawnSync(python, [script, String(lag)], { input });
    if (status !== 0) continue;
    const { version, noChange, majority } = JSON.parse(stdout.toString()) as {
      readonly version: string;
      readonly noChange: number;
      readonly majority: number;
    };
    const both = { lag, alike: null };
    return {
      version,
      rows: [
        { strategy: "last label", ours: row.noChangeAccuracy, theirs: noChange, ...both },
        { strategy: "most frequent label", ours: row.majorityAccuracy, theirs: majority, ...both },
      ],
    };
  }
  return null;
}
