import type { ModelState } from "@everfresh/core";
import { heldOutScore, type Predictor } from "@everfresh/learn";
import type { ResolvedModel } from "../config/resolve-model.ts";

const SAMPLES_WHILE_TRAINING = 1_000; // a standard error of about 1 point at 90 %

/** Scores a state on the held-out data of a model: a part of it while training goes on, or all. */
export async function scoreHeldOut(
  { heldOut, definition }: ResolvedModel,
  session: Predictor,
  state: ModelState,
  amount: "some" | "all",
): Promise<number | null> {
  if (heldOut === null) return null;
  const { accuracy } = await heldOutScore({
    session,
    state,
    source: heldOut,
    preprocessing: definition.input,
    ...(amount === "some" ? { limit: SAMPLES_WHILE_TRAINING } : {}),
  });
  return accuracy;
}
