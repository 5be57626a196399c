import type { StateLayout } from "@everfresh/core";
import { CheckpointMismatchError } from "../errors.ts";
import { decodeOptimizerState } from "../optimizers/optimizer-bytes.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import type { TrainingMemory } from "./training-memory.ts";
import type { TrainingCheckpoint } from "./training-session.ts";

/** Where a checkpoint is restored to. */
export interface RestorePlace {
  readonly layout: StateLayout;
  readonly optimizer: Optimizer;
  readonly memory: Pick<TrainingMemory, "state" | "slots">;
}

/**
 * Writes a checkpoint into a session's memory; nothing of it when it does not fit.
 * @param checkpoint its optimizer's state may be of 0 bytes, which is that before the first step
 * @returns steps that the optimizer has taken
 * @throws CorruptCheckpointError, CheckpointMismatchError when it is damaged or foreign
 */
export function restoreCheckpoint(
  { state, optimizer: bytes }: TrainingCheckpoint,
  { layout, optimizer, memory }: RestorePlace,
): number {
  if (state.length !== layout.byteLength) {
    throw new CheckpointMismatchError("state bytes", layout.byteLength, state.length);
  }
  const optimizerState = { step: 0, slots: memory.slots };
  if (bytes.length === 0) {
    for (const slot of memory.slots) slot.fill(0);
  } else {
    decodeOptimizerState(bytes, optimizer, optimizerState, layout.parameterCount);
  }
  new Uint8Array(memory.state).set(state);
  return optimizerState.step;
}
