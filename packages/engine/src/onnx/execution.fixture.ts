import { isDType, type Tensor, tensor } from "@everfresh/core";
import * as ort from "onnxruntime-node";

/** An ONNX file opened in ONNX Runtime with one thread. */
export interface OpenedOnnx {
  /** Runs once; the result has every output by name. */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
}

/** Opens an ONNX file as users' tools would: through ONNX Runtime's public API. */
export async function openOnnx(bytes: Uint8Array): Promise<OpenedOnnx> {
  const session = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return {
    run: async (inputs) => {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { dtype, shape, data }]) => [
          name,
          new ort.Tensor(dtype, data, shape),
        ]),
      );
      const outputs = await session.run(feeds);
      return Object.fromEntries(
        Object.entries(outputs).map(([name, output]) => [name, toTensor(output)]),
      );
    },
  };
}

/** Opens an ONNX file and runs it once. */
export async function runOnnx(
  bytes: Uint8Array,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  return (await openOnnx(bytes)).run(inputs);
}

function toTensor({ type, dims, data }: ort.Tensor): Tensor {
  if (!isDType(type)) throw new Error(`output of type ${type}`);
  return tensor(type, dims, data as Tensor["data"]);
}
