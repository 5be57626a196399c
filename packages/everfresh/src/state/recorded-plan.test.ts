import type { ExecutionPlan } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { differences, planToRecord, planToResume } from "./recorded-plan.ts";

const plan: ExecutionPlan = {
  backend: "native",
  provider: "cpu",
  workers: 2,
  threadsPerWorker: 1,
  batchNorm: "shard",
  block: 16,
  formulations: { conv1: { forward: "blocked" } },
  onnxruntime: "1.30.0",
};
const processor = { model: "Some Processor", features: ["avx", "avx2"] };
const recorded = { plan: planToRecord(plan), processor };

describe("a recorded plan", () => {
  it("asks a resumed run to compute as before, but never for a native runtime", () => {
    expect(planToResume(recorded.plan)).toEqual({
      provider: "cpu",
      workers: 2,
      threadsPerWorker: 1,
      batchNorm: "shard",
      block: 16,
      formulations: plan.formulations,
    });
    expect(planToResume({ ...recorded.plan, backend: "wasm" }).backend).toBe("wasm");
    expect(planToResume(null)).toEqual({});
  });

  it("gives way to what is asked for, and then splits batches anew", () => {
    expect(planToResume(recorded.plan, { provider: "cuda" })).toMatchObject({
      provider: "cuda",
      workers: 2,
    });
    const split = planToResume(recorded.plan, { batchNorm: "exact" });
    expect(split).toMatchObject({ provider: "cpu", batchNorm: "exact" });
    expect(Object.keys(split)).not.toContain("workers");
  });

  it("leaves out what is only reported", () => {
    expect(planToRecord({ ...plan, fallbackReason: "not installed" })).toEqual(plan);
  });

  it("differs from nothing when all is as it was, or when nothing was recorded", () => {
    expect(differences(recorded, recorded)).toEqual([]);
    expect(differences({ plan: null, processor: null }, recorded)).toEqual([]);
    expect(differences({ plan: { workers: 2 }, processor: null }, recorded)).toEqual([]);
  });

  it("names every difference with both values", () => {
    const now = {
      plan: {
        ...recorded.plan,
        onnxruntime: "1.31.0",
        workers: 3,
        backend: "wasm" as const,
        block: null,
      },
      processor: { model: "Another", features: ["avx"] },
    };
    expect(differences(recorded, now)).toEqual([
      "ONNX Runtime 1.30.0 before, 1.31.0 now",
      "build of ONNX Runtime native before, wasm now",
      "workers 2 before, 3 now",
      "channels per block 16 before, null now",
      "processor features avx avx2 before, avx now",
    ]);
  });

  it("goes by the features of a processor where they are known, else by its model", () => {
    const renamed = { ...recorded, processor: { ...processor, model: "Another" } };
    expect(differences(recorded, renamed)).toEqual([]);
    const unknown = { ...recorded, processor: { ...processor, features: [] } };
    expect(differences(unknown, renamed)).toEqual(["processor Some Processor before, Another now"]);
  });
});
