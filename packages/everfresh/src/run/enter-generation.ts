import { deployCopy, stateBytes, type StateLayout } from "@everfresh/core";
import { inferenceGraph } from "@everfresh/engine";
import { deployedAt, type TrainerCheckpoint } from "@everfresh/learn";
import { type Generation, hashOf, type ModelManifest } from "@everfresh/sync/node";
import type { ResolvedModel } from "../config/resolve-model.ts";
import { StateMismatchError } from "../errors.ts";
import { deployedHead } from "../log/deployed-head.ts";
import { positionOf } from "../log/roll-back.ts";
import { switchCheckpoint } from "../state/checkpoint-switch.ts";
import type { Stores } from "./open-stores.ts";
import { snapshotOf } from "./snapshot-of.ts";

/** Stores whose log is in the generation of the model that is trained. */
export interface GenerationStores extends Stores {
  readonly generation: Generation;
}

/**
 * Goes on in the log's generation if it is of this model, otherwise begins a new one, for all of log
 * and checkpoint at once. With the same tensors (another preprocessing, other labels) training goes on
 * as it is; with others it starts from the model's own weights, knowing the same history.
 * @param mayStartAnew whether that was asked for
 * @throws StateMismatchError when the tensors are others and it was not
 */
export async function enterGeneration(
  stores: Stores,
  resolved: ResolvedModel,
  { mayStartAnew }: { readonly mayStartAnew: boolean },
): Promise<GenerationStores> {
  const { log, checkpoint } = stores;
  const { state } = resolved.model;
  const manifest = manifestOf(resolved);
  const current = await log.generation();
  if (checkpoint === null || current?.hash === hashOf(manifest, log.id)) {
    const first = checkpoint === null ? deployCopy(state, 0) : deployedAt(checkpoint, state.layout);
    return { ...stores, generation: await log.openGeneration(manifest, snapshotOf(first)) };
  }
  const goesOn = !(await isOfOtherTensors(stores, resolved));
  if (!goesOn && !mayStartAnew) {
    throw new StateMismatchError(
      "The model has other tensors than the run in the state directory; " +
        "let it start anew there with --new-generation, or choose another with --state DIR",
      { generation: current?.number },
    );
  }
  const next = await nextCheckpoint(stores, checkpoint, resolved, goesOn);
  const first = snapshotOf(deployedAt(next, state.layout));
  const generation = await switchCheckpoint(stores, next, () =>
    log.openGeneration(manifest, first),
  );
  return { ...stores, checkpoint: next, loggedVersion: next.version, generation };
}

/** Whether the tensors of the model are others than those of the run so far; false at its start. */
export async function isOfOtherTensors(
  { log, checkpoint }: Pick<Stores, "log" | "checkpoint">,
  { model }: Pick<ResolvedModel, "model">,
): Promise<boolean> {
  if (checkpoint === null) return false;
  const current = await log.generation();
  return current === null || !isSameLayout(current.manifest.layout, model.state.layout);
}

/** Where training goes on one version after the head of the log. */
async function nextCheckpoint(
  { log, journal }: Stores,
  checkpoint: TrainerCheckpoint,
  { model }: ResolvedModel,
  goesOn: boolean,
): Promise<TrainerCheckpoint> {
  const { state } = model;
  const { drift, ...lasting } = checkpoint;
  const newest = goesOn ? await deployedHead(log, state.layout, checkpoint) : deployCopy(state, 0);
  const bytes = stateBytes(newest.state);
  return {
    ...lasting,
    // What is watched for drift is seen by a model that is gone then.
    ...(goesOn && drift !== undefined ? { drift } : {}),
    ...(await positionOf({ log, journal }, checkpoint)),
    version: (log.head()?.version ?? 0) + 1,
    fingerprint: newest.fingerprint,
    deployed: bytes,
    evaluation: goesOn ? checkpoint.evaluation : null,
    training: goesOn ? checkpoint.training : { state: bytes, optimizer: new Uint8Array(0) },
  };
}

function isSameLayout(a: StateLayout, b: StateLayout): boolean {
  return JSON.stringify(a.tensors) === JSON.stringify(b.tensors);
}

/** Everything about a model but its weights. */
function manifestOf({ definition, model }: ResolvedModel): ModelManifest {
  return {
    name: definition.name,
    graph: inferenceGraph(model),
    layout: model.state.layout,
    input: model.input,
    output: model.output,
    preprocessing: definition.input,
    target: definition.target,
  };
}
