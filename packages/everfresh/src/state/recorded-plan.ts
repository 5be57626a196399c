import { z } from "zod";
import type { Backend, BatchNormMode, ExecutionPlan, Provider } from "@everfresh/engine";

const count = z.number().int().positive();

/** How a run computes: as much of its execution plan as was known when it was recorded. */
export interface RecordedPlan {
  readonly backend?: Backend | undefined;
  readonly provider?: Provider | undefined;
  readonly workers: number;
  readonly threadsPerWorker?: number | undefined;
  readonly batchNorm?: BatchNormMode | undefined;
  readonly onnxruntime?: string | undefined;
  /** Channels per block of the internal layout; null for standard operators only. */
  readonly block?: number | null | undefined;
  /** By the name of a node, which formulation computes each part of it. */
  readonly formulations?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
}

/** Checks the plan of a record. */
export const recordedPlanSchema: z.ZodType<RecordedPlan> = z.object({
  backend: z.enum(["native", "wasm"]).optional(),
  provider: z.enum(["cpu", "webgpu", "cuda"]).optional(),
  workers: count,
  threadsPerWorker: count.optional(),
  batchNorm: z.enum(["shard", "exact"]).optional(),
  onnxruntime: z.string().optional(),
  block: count.nullable().optional(),
  formulations: z.record(z.string(), z.record(z.string(), z.string())).optional(),
});

/** What decides which code ONNX Runtime's kernels run. */
export interface Processor {
  /** As the operating system calls it. */
  readonly model: string;
  /** Extensions of the instruction set that such kernels use; none where they are not known. */
  readonly features: readonly string[];
}

/** Checks the processor of a record. */
export const processorSchema: z.ZodType<Processor> = z.object({
  model: z.string(),
  features: z.array(z.string()),
});

/** What of a plan goes into a record. */
export function planToRecord(plan: ExecutionPlan): RecordedPlan {
  // The schema leaves out what is only reported.
  return recordedPlanSchema.parse(plan);
}

/**
 * What a run that goes on asks for: what is `wished`, otherwise to compute as before. How batches were
 * split counts as one. A native runtime is not asked for: where it is gone the run goes on without it,
 * and says so.
 */
export function planToResume(
  recorded: RecordedPlan | null,
  wished: Partial<ExecutionPlan> = {},
): Partial<ExecutionPlan> {
  const { backend, provider, block, formulations } = recorded ?? {};
  const { workers, threadsPerWorker, batchNorm } = recorded ?? {};
  const splitsAnew = wished.workers !== undefined || wished.batchNorm !== undefined;
  const asked = {
    backend: backend === "wasm" ? backend : undefined,
    provider,
    ...(splitsAnew ? {} : { workers, threadsPerWorker, batchNorm }),
    block,
    formulations,
    ...wished,
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

/** How the plan and the processor of a run that goes on differ from what was recorded, for people. */
export function differences(
  recorded: { readonly plan: RecordedPlan | null; readonly processor: Processor | null },
  now: { readonly plan: RecordedPlan; readonly processor: Processor },
): readonly string[] {
  const found: string[] = [];
  const compare = (what: string, before: unknown, after: unknown): void => {
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(after)) {
      found.push(`${what} ${text(before)} before, ${text(after)} now`);
    }
  };
  const { plan, processor } = recorded;
  compare("ONNX Runtime", plan?.onnxruntime, now.plan.onnxruntime);
  compare("build of ONNX Runtime", plan?.backend, now.plan.backend);
  compare("execution provider", plan?.provider, now.plan.provider);
  compare("workers", plan?.workers, now.plan.workers);
  compare("threads per worker", plan?.threadsPerWorker, now.plan.threadsPerWorker);
  compare("batch normalisation", plan?.batchNorm, now.plan.batchNorm);
  compare("channels per block", plan?.block, now.plan.block);
  compare("formulations", plan?.formulations, now.plan.formulations);
  // The same extensions in another model run the same code.
  const features = processor?.features ?? [];
  if (features.length > 0) compare("processor features", features, now.processor.features);
  else compare("processor", processor?.model, now.processor.model);
  return found;
}

function text(value: unknown): string {
  if (Array.isArray(value)) return value.join(" ");
  if (typeof value === "string" || typeof value === "number") return String(value);
  return JSON.stringify(value ?? null);
}
