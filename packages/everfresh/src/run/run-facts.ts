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
    buffersEvery: layout.tensors.some(({ role }) => role === "buffer") ? deploy.buffersEvery : null,
    triggerSize: triggerSizeOf(strategy),
    batchSize: batchSizeOf(strategy),
    warmUpSteps,
  };
}

function triggerSizeOf(spec: StrategySpec): number | null {
  if (spec.kind === "proactive") return spec.triggerSize;
  return spec.kind === "online" ? spec.batchSize : null;
}
