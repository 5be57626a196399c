import { systemClock } from "@everfresh/core";
import type { RuntimeRequest } from "../runtime/runtime.ts";
import { BakingInference } from "./inference-baking.ts";
import { PatchingInference } from "./inference-patching.ts";
import type { InferenceRequest, InferenceWorkerSetup } from "./inference-protocol.ts";
import type { InferenceOptions, InferenceSession, VersionedState } from "./inference-session.ts";
import { InferenceThread, toSent } from "./inference-thread.ts";
import { PREDICT_ROWS_MAX } from "./predictor.ts";
import type { StartThread } from "./thread.ts";

/** Starts an inference worker, of whatever kind of thread. */
export type StartInferenceThread = StartThread<InferenceWorkerSetup, InferenceRequest>;

/** Opens a model in workers that `start` starts: one in mode "patch", two in mode "bake". */
export async function startInference(
  start: StartInferenceThread,
  model: {
    readonly onnx: Uint8Array;
    readonly initial: VersionedState;
    readonly runtime: RuntimeRequest;
  },
  options: InferenceOptions,
): Promise<InferenceSession> {
  const { mode = "auto", bakeEveryMs, measuredSize = 1, threads = 1 } = options;
  const { preprocessing = null } = options;
  checkRange("measuredSize", measuredSize, 1, PREDICT_ROWS_MAX);
  checkRange("bakeEveryMs", bakeEveryMs ?? 0, 0, Number.MAX_VALUE);
  const setup: Omit<InferenceWorkerSetup, "begin"> = {
    onnx: model.onnx,
    initial: toSent(model.initial),
    preprocessing,
    threads,
    runtime: model.runtime,
    rows: measuredSize,
  };
  const serving = await InferenceThread.start({ ...setup, begin: mode }, start);
  if (serving.report.mode === "patch") return new PatchingInference(serving);
  try {
    const spare = await InferenceThread.start({ ...setup, begin: "rest" }, start);
    const { version, fingerprint } = setup.initial;
    return new BakingInference({
      serving,
      spare,
      version: { version, fingerprint },
      bakeEveryMs,
      clock: systemClock,
    });
  } catch (error) {
    await serving.end();
    throw error;
  }
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) {
    throw new RangeError(`${name} must be from ${min} to ${max}, got ${value}`);
  }
}
