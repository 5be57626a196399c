import { stateBytes } from "@everfresh/core";
import type { TrainerCheckpoint } from "./checkpoint-store.ts";
import { Prequential } from "./evaluate/prequential.ts";
import type { TrainerOptions } from "./trainer-options.ts";

/** How far a run has come: what the loop changes from step to step, beside the states themselves. */
export interface Progress {
  /** Steps made. */
  step: number;
  /** Samples of the history that training has seen. */
  samples: number;
  /** Number of the step that the last checkpoint was made after; −1 before the first checkpoint. */
  savedStep: number;
  /** Accuracy of the trained state. */
  readonly trained: Prequential;
  /** Accuracy of the deployed state. */
  readonly deployed: Prequential;
}

/**
 * Where a run starts: at the checkpoint it resumes, or with all there is in the history as the past.
 * Puts the sparsifier back to where it was at that checkpoint.
 */
export function startOf({ resume, history, sparsifier }: TrainerOptions): Progress {
  if (resume?.sparsifier !== undefined) sparsifier.restore?.(resume.sparsifier);
  return {
    step: resume?.step ?? 0,
    samples: resume?.samples ?? history.count(),
    savedStep: resume?.step ?? -1,
    trained: new Prequential(resume?.prequential.trained),
    deployed: new Prequential(resume?.prequential.deployed),
  };
}

/** Saves a checkpoint, unless there is one of this very step. Only between two steps. */
export async function saveCheckpoint(options: TrainerOptions, progress: Progress): Promise<void> {
  if (progress.savedStep === progress.step) return;
  await options.checkpoints.save(checkpointOf(options, progress));
  progress.savedStep = progress.step;
}

function checkpointOf(
  { session, deployed, sampler, sparsifier }: TrainerOptions,
  progress: Progress,
): TrainerCheckpoint {
  const position = sparsifier.position?.();
  return {
    step: progress.step,
    samples: progress.samples,
    version: deployed.version,
    fingerprint: deployed.fingerprint,
    deployed: stateBytes(deployed.state).slice(),
    training: session.checkpoint(),
    sampler: sampler.position,
    ...(position === undefined ? {} : { sparsifier: position }),
    prequential: {
      trained: progress.trained.checkpoint(),
      deployed: progress.deployed.checkpoint(),
    },
  };
}
