/** A state directory with a small model's run in it, as the trainer leaves it. */
import { type DeployedState, classes, deployCopy, numeric } from "@everfresh/core";
import { inferenceGraph, mlp, type Model } from "@everfresh/engine";
import type { TrainerCheckpoint } from "@everfresh/learn";
import { encodeUpdate } from "@everfresh/sync";
import { type ModelManifest, openUpdateLog, undoRecordOf } from "@everfresh/sync/node";
import { snapshotOf } from "../run/snapshot-of.ts";
import { checkpointFile } from "../state/checkpoint-file.ts";
import { openStateDirectory, type StateDirectory } from "../state/state-directory.ts";

/** The model of {@link writeSmallRun}. */
export const SMALL_MODEL: Model = mlp({ inputs: 6, hidden: [5], outputs: 3, seed: 1 });

/** Everything about a small model but its weights. */
function manifestOf(model: Model): ModelManifest {
  const { input, output, state } = model;
  return {
    name: "small",
    graph: inferenceGraph(model),
    layout: state.layout,
    input,
    output,
    preprocessing: numeric(6),
    target: classes(3),
  };
}

/** A run whose process ended at version `versions`, with its last checkpoint at `checkpointAt`. */
export async function writeSmallRun(
  folder: string,
  { versions, checkpointAt }: { readonly versions: number; readonly checkpointAt: number },
): Promise<{ readonly directory: StateDirectory; readonly fingerprints: readonly string[] }> {
  const directory = openStateDirectory(folder);
  const { layout } = SMALL_MODEL.state;
  const deployed = deployCopy(SMALL_MODEL.state, 0);
  const fingerprints = [deployed.fingerprint];
  await using log = await openUpdateLog({ file: directory.databaseFile });
  await log.openGeneration(manifestOf(SMALL_MODEL), snapshotOf(deployed));
  const checkpoints = checkpointFile(directory.checkpointFile);
  if (checkpointAt === 0) await checkpoints.save(checkpointOf(deployed));
  for (let version = 1; version <= versions; version++) {
    const change = {
      valueType: "float32",
      indices: Uint32Array.of(version, version + 7),
      values: Float32Array.of(version / 8, -version),
      buffers: [],
    } as const;
    const update = deployed.updateFor(change, 1_000 * version);
    await log.append(update, encodeUpdate(update, { layout }), {
      lineage: { step: version, samples: 8 * version, drawn: 100 * version },
      undo: undoRecordOf(deployed.state, update),
    });
    deployed.apply(update);
    fingerprints.push(deployed.fingerprint);
    if (version === checkpointAt) await checkpoints.save(checkpointOf(deployed));
  }
  return { directory, fingerprints };
}

/** What the trainer remembers at a version of {@link writeSmallRun}. */
function checkpointOf({ version, fingerprint, state }: DeployedState): TrainerCheckpoint {
  const bytes = new Uint8Array(state.buffer).slice();
  const trained = bytes.slice();
  trained[0] = 77;
  return {
    step: version,
    samples: 8 * version,
    version,
    fingerprint,
    deployed: bytes,
    training: { state: trained, optimizer: Uint8Array.of(1, 2, 3) },
    tested: 8 * version,
    strategy: {
      spec: { kind: "proactive", triggerSize: 8, batchSize: 32 },
      checkpoint: {
        ...{ kind: "proactive", samples: 8 * version, past: 8 * version, iterations: version },
        ...{ isRunning: false, sampler: null, trigger: null, intake: null },
        random: { seed: 1, stream: 2, drawn: 100 * version },
        budget: { nowMs: null, parts: [] },
      },
    },
    evaluation: null,
    costs: null,
  };
}
