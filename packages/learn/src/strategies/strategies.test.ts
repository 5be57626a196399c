/** Every kind of strategy, with every sampler, trigger, budget and overload policy, keeps the port. */
import type { DriftActionSpec } from "../drift/response/response-spec.ts";
import type { SamplerSpec } from "../samplers/sampler-spec.ts";
import type { TriggerSpec } from "../triggers/trigger-spec.ts";
import { strategyConformance } from "./strategy.conformance.ts";
import { frozen, fullRetraining, online, proactive } from "./strategy-spec.ts";

const b = 24;

const samplers: { readonly [K in SamplerSpec["kind"]]: Extract<SamplerSpec, { kind: K }> } = {
  uniform: { kind: "uniform" },
  window: { kind: "window", samples: 50 },
  timeBased: { kind: "timeBased", recency: { kind: "halfLifeMs", ms: 20_000 } },
  inverseCount: { kind: "inverseCount", usesBefore: 3 },
  classBalanced: { kind: "classBalanced" },
  rolling: { kind: "rolling" },
  none: { kind: "none" },
  newOnlyByChance: { kind: "newOnlyByChance", from: { kind: "uniform" } },
  reservoir: { kind: "reservoir", capacity: 30 },
};

const triggers: { readonly [K in TriggerSpec["kind"]]: Extract<TriggerSpec, { kind: K }> } = {
  byCount: { kind: "byCount", samples: 20 },
  byTime: { kind: "byTime", everyMs: 15_000, of: "events" },
  byPerformanceDrop: { kind: "byPerformanceDrop", windowSamples: 8, drop: 0.1, since: "start" },
  byCost: { kind: "byCost", sampleSecondsPerTrainingSecond: 50 },
  byDriftVerdict: { kind: "byDriftVerdict", from: "drift" },
  staticSchedule: { kind: "staticSchedule", everyChunks: 3 },
  dynamicSchedule: { kind: "dynamicSchedule", slack: 2, firstMs: 1_000 },
  any: {
    kind: "any",
    of: [
      { kind: "byCount", samples: 30 },
      { kind: "byDriftVerdict", from: "drift" },
    ],
  },
  all: {
    kind: "all",
    of: [
      { kind: "byCount", samples: 10 },
      { kind: "byTime", everyMs: 9_000, of: "clock" },
    ],
  },
  atLeast: {
    kind: "atLeast",
    count: 1,
    of: [
      { kind: "byCount", samples: 10 },
      { kind: "byTime", everyMs: 9_000, of: "clock" },
    ],
  },
};

const actions: {
  readonly [K in DriftActionSpec["kind"]]: Extract<DriftActionSpec, { kind: K }>;
} = {
  nothing: { kind: "nothing" },
  warn: { kind: "warn" },
  newData: { kind: "newData", triggerSize: 11, forSamples: 40 },
  window: { kind: "window", samplesMin: 20, forSamples: 90 },
  rewarm: { kind: "rewarm" },
  retrain: { kind: "retrain", steps: 5, samplesMin: 15, classes: [0, 2] },
  rollBack: { kind: "rollBack" },
};

strategyConformance("a frozen model", frozen());

strategyConformance("online training", online({ batchSize: b, overload: "grow" }));

for (const [kind, sampler] of Object.entries(samplers)) {
  strategyConformance(
    `proactive training with ${kind}`,
    proactive({ triggerSize: 8, batchSize: b, sampler }),
  );
  if (kind === "none") continue;
  strategyConformance(
    `mini-batch SGD with ${kind}`,
    proactive({
      triggerSize: 0,
      batchSize: b,
      sampler,
      budgets: [{ kind: "everyMs", ms: 5_000 }],
    }),
  );
}

for (const [kind, trigger] of Object.entries(triggers)) {
  strategyConformance(
    `proactive training by ${kind}`,
    proactive({ triggerSize: 8, batchSize: b, trigger, overload: "skip" }),
  );
  strategyConformance(
    `retraining by ${kind}`,
    fullRetraining({ trigger, start: "cold", epochs: 2, batchSize: b, window: 60 }),
  );
}

for (const [kind, onDrift] of Object.entries(actions)) {
  // Samplers that learn, that know of times, and that keep nothing.
  const sampler = { window: samplers.inverseCount, retrain: samplers.timeBased }[kind];
  strategyConformance(
    `proactive training that answers drift by ${kind}`,
    proactive({
      ...{ triggerSize: 8, batchSize: b, ...(sampler === undefined ? {} : { sampler }) },
      response: { onDrift, onWarning: { kind: "window" }, actsUnconfirmed: true },
    }),
  );
}

strategyConformance(
  "proactive training within budgets",
  proactive({
    triggerSize: 8,
    batchSize: b,
    overload: "grow",
    budgets: [
      { kind: "stepsPerSecond", rate: 0.2, burst: 2 },
      { kind: "trainingSecondsPerHour", seconds: 0.05 },
    ],
  }),
);
