/**
 * The gradients of whole models beside PyTorch's in float64, element by element: with smooth
 * activations, where only rounding differs, and with ReLU, beside PyTorch's own float32.
 */
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { type ModelState, sizeOf, tensorOf } from "@everfresh/core";
import { type Model, type TrainingBatch, trainingStep } from "@everfresh/engine";
import {
  noTorch,
  openTorchReference,
  type TorchReference,
  withoutDropout,
} from "./peers/torch-reference.ts";
import { torchFormats } from "./peers/torch.ts";
import { median } from "./statistics.ts";
import { randomBatch, type Workload, workloadOf, WORKLOADS } from "./workloads.ts";
import { wholeOption } from "./option-values.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- gradients [options]

Compares the gradients of one batch with PyTorch's in float64: the largest error of each tensor over
its largest element. Needs PyTorch (EVERFRESH_PYTHON, /opt/peers/bin/python or python3).

  --model NAME      ${Object.keys(WORKLOADS).join(", ")} (default resnet20)
  --batch N         samples (default 8)
  --seed N          which random batch (default 1)
  --json            one JSON document instead of the table
  --help            this text`;

const OPTIONS = {
  model: { type: "string", default: "resnet20" },
  batch: { type: "string", default: "8" },
  seed: { type: "string", default: "1" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Below this part of the largest element in the model, a gradient is 0 but for rounding. */
const NOTHING = 1e-9;

/** Errors below this are the last bits of float32. */
const ROUNDING = 1e-5;

interface Settings {
  readonly model: string;
  readonly workload: Workload;
  readonly batch: number;
  readonly seed: number;
  readonly json: boolean;
}

/** Errors of all tensors. */
interface Errors {
  readonly loss: number;
  readonly median: number;
  readonly worst: { readonly tensor: string; readonly error: number };
  /** PyTorch's float32, in the worse of its memory formats. */
  readonly torchMedian: number;
  readonly torchWorst: number;
  /** Tensors that are more than twice as far off as PyTorch's float32, and more than rounding. */
  readonly beyondTwice: readonly string[];
}

interface Report {
  readonly model: string;
  readonly batch: number;
  readonly tensors: number;
  readonly torch: string;
  readonly smooth: Errors;
  readonly plain: Errors;
}

/** The command `gradients`; returns the exit status. */
export function gradients(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const report = await measure(settings);
    if (report === null) return noTorch();
    console.log(settings.json ? JSON.stringify(report) : table(report));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const { model, json } = values;
  const batch = wholeOption("batch", values.batch);
  return {
    model,
    workload: workloadOf(model),
    batch,
    seed: wholeOption("seed", values.seed),
    json,
  };
}

async function measure({ model: name, workload, batch, seed }: Settings): Promise<Report | null> {
  const model = withoutDropout(workload.model());
  const samples = randomBatch(workload, batch, seed);
  await using torch = await openTorchReference(workload, model, [samples]);
  if (torch === null) return null;
  const { tensors } = model.state.layout;
  return {
    model: name,
    batch,
    tensors: tensors.filter(({ role }) => role === "parameter").length,
    torch: torch.version,
    smooth: await errors(torch, { model: smoothed(model), samples, smooth: true }),
    plain: await errors(torch, { model, samples, smooth: false }),
  };
}

async function errors(
  torch: TorchReference,
  {
    model,
    samples,
    smooth,
  }: { readonly model: Model; readonly samples: TrainingBatch; readonly smooth: boolean },
): Promise<Errors> {
  const exact = await torch.gradients({ dtype: "float64", format: "NCHW", smooth });
  const ours = await ourGradients(model, samples);
  const own = errorsOf(model, exact.gradients, ours.gradients);
  const theirs = new Map<string, number>();
  for (const format of torchFormats(model.input.shape)) {
    const single = await torch.gradients({ dtype: "float32", format, smooth });
    for (const [tensor, error] of errorsOf(model, exact.gradients, single.gradients)) {
      theirs.set(tensor, Math.max(error, theirs.get(tensor) ?? 0));
    }
  }
  const [[tensor, error] = ["", NaN]] = [...own].sort(([, a], [, b]) => b - a);
  return {
    loss: Math.abs(ours.loss / exact.loss - 1),
    median: median([...own.values()]),
    worst: { tensor, error },
    torchMedian: median([...theirs.values()]),
    torchWorst: Math.max(...theirs.values()),
    beyondTwice: [...own]
      .filter(([key, value]) => value > Math.max(2 * (theirs.get(key) ?? 0), ROUNDING))
      .map(([key]) => key),
  };
}

/** The largest error of each parameter over its largest element. */
function errorsOf(
  { state }: Model,
  exact: Float64Array,
  other: Float64Array,
): ReadonlyMap<string, number> {
  const result = new Map<string, number>();
  const top = exact.reduce((largest, g) => Math.max(largest, Math.abs(g)), 0);
  for (const { name, role, length, wordOffset } of state.layout.tensors) {
    if (role !== "parameter") continue;
    let error = 0;
    let largest = 0;
    for (let i = wordOffset; i < wordOffset + length; i++) {
      const value = exact[i] ?? NaN;
      error = Math.max(error, Math.abs((other[i] ?? NaN) - value));
      largest = Math.max(largest, Math.abs(value));
    }
    result.set(name, error / (largest > NOTHING * top ? largest : top));
  }
  return result;
}

/** Softplus for Relu and Sigmoid for Clip, as smooth models in bench/peers/torch_models.py. */
function smoothed(model: Model): Model {
  const nodes = model.graph.nodes.map((node) => {
    if (node.operator === "Relu") return { ...node, operator: "Softplus" as const };
    if (node.operator !== "Clip") return node;
    return { ...node, operator: "Sigmoid" as const, inputs: node.inputs.slice(0, 1) };
  });
  return { ...model, graph: { ...model.graph, nodes } };
}

/** What is used of ONNX Runtime, as the engine has it installed. */
interface OnnxRuntime {
  readonly InferenceSession: {
    create(
      bytes: Uint8Array,
      options: object,
    ): Promise<{
      run(feeds: object): Promise<Record<string, { readonly data: Float32Array }>>;
    }>;
  };
  readonly Tensor: new (type: string, data: object, shape: readonly number[]) => object;
}

async function ourGradients(
  model: Model,
  { inputs, targets, size }: TrainingBatch,
): Promise<{ readonly loss: number; readonly gradients: Float64Array }> {
  const engine = new URL("../packages/engine/package.json", import.meta.url);
  const { InferenceSession, Tensor } = createRequire(engine)("onnxruntime-node") as OnnxRuntime;
  const step = trainingStep(model, { batchSize: size });
  const session = await InferenceSession.create(step.onnx, { logSeverityLevel: 3 });
  const results = await session.run({
    ...stateFeeds(model.state, Tensor),
    [step.inputs.x]: new Tensor("float32", inputs, [size, ...model.input.shape]),
    [step.inputs.targets]: new Tensor("int64", BigInt64Array.from(targets, BigInt), [size]),
    [step.inputs.weights]: new Tensor("float32", new Float32Array(size).fill(1), [size]),
  });
  const result = (name: string): Float32Array => results[name]?.data ?? new Float32Array();
  const all = new Float64Array(model.state.layout.parameterCount);
  let start = 0;
  for (const name of step.outputs.gradients) {
    const data = result(name);
    all.set(data, start);
    start += data.length;
  }
  return { loss: result(step.outputs.loss)[0] ?? NaN, gradients: all };
}

function stateFeeds(state: ModelState, Tensor: OnnxRuntime["Tensor"]): Record<string, object> {
  return Object.fromEntries(
    state.layout.tensors.map(({ name }) => {
      const { dtype, shape, data } = tensorOf(state, name);
      return [name, new Tensor(dtype, data.subarray(0, sizeOf(shape)), shape)];
    }),
  );
}

function table({ model, batch, tensors, torch, smooth, plain }: Report): string {
  const e = (value: number): string => value.toExponential(1);
  const lines = (name: string, errors: Errors): string[] => [
    `  ${name}: loss ${e(errors.loss)} off`,
    `    everfresh  median ${e(errors.median)}  worst ${e(errors.worst.error)} (${errors.worst.tensor})`,
    `    torch f32  median ${e(errors.torchMedian)}  worst ${e(errors.torchWorst)}`,
    `    beyond twice PyTorch's: ${errors.beyondTwice.length} ${errors.beyondTwice.join(" ")}`,
  ];
  return [
    `Gradients of ${model}, batch ${batch}, ${tensors} tensors, beside PyTorch ${torch} in float64:`,
    ...lines("smooth activations", smooth),
    ...lines("as it is", plain),
  ].join("\n");
}
