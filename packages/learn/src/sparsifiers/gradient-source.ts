import type { TrainingSession } from "@everfresh/engine";

/**
 * Computes gradients under a state θ that someone else moves: a training session of the engine, whose
 * own steps and optimizer stay unused.
 */
export type GradientSource = Pick<TrainingSession, "state" | "gradient" | "predict" | "moments"> &
  /** Preprocessing that learns needs it. */
  Partial<Pick<TrainingSession, "setBuffers">>;
