import { isFeatureStatistic, type StateTensor } from "@everfresh/core";
import { batchSizeOf, type StrategySpec } from "@everfresh/learn";
import { type Deployment, shareOf } from "../config/deployment.ts";
import type { ResolvedModel } from "../config/resolve-model.ts";
import type { RunRecord } from "../state/state-directory.ts";
import type { RunFacts } from "./status-board.ts";

/** What does not change while a run goes on. */
export function runFacts(
  { definition, model, source }: ResolvedModel,
  deploy: Deployment,
  { warmUpSteps }: Pick<RunRecord, "warmUpSteps">,
): RunFacts {
  const { layout } = model.state;
  const { name, strategy } = definition;
  return {
    name,
    source: source.name,
    parameters: layout.parameterCount,
    denseBytes: layout.byteLength,
    ratio: shareOf(deploy),
    // Nothing, where there are no running statistics.
    buffersEvery: layout.tensors.some(isRunning) ? deploy.buffersEvery : null,
    triggerSize: triggerSizeOf(strategy),
    batchSize: batchSizeOf(strategy),
    warmUpSteps,
  };
}

/** Whether a tensor is a running statistic of BatchNormalization. */
function isRunning(tensor: StateTensor): boolean {
  return tensor.role === "buffer" && !isFeatureStatistic(tensor);
}

function triggerSizeOf(spec: StrategySpec): number | null {
  if (spec.kind === "proactive") return spec.triggerSize;
  return spec.kind === "online" ? spec.batchSize : null;
}
