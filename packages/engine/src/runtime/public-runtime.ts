import { isDType, type TensorData } from "@everfresh/core";
import type { Env, InferenceSession, InferenceSessionFactory, Tensor } from "onnxruntime-common";
import { RuntimeFailedError } from "../errors.ts";
import type { Backend, BoundRun, GraphSession, GraphValue, Provider, Runtime } from "./runtime.ts";

/** What all builds of ONNX Runtime have in common: the API that they document. */
interface PublicApi {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: new (type: Tensor.Type, data: TensorData, dims: readonly number[]) => Tensor;
  readonly env: Env;
}

/** A runtime over the documented, asynchronous API; every run copies its outputs once. */
export function publicRuntime(
  backend: Backend,
  api: PublicApi,
  version: string,
  provider: Provider = "cpu",
): Runtime {
  return {
    backend,
    provider,
    version,
    fallbackReason: null,
    async open(onnx, { threads }) {
      try {
        const session = await api.InferenceSession.create(onnx, {
          executionProviders: [backend === "wasm" && provider === "cpu" ? "wasm" : provider],
          intraOpNumThreads: threads,
          interOpNumThreads: 1,
          logSeverityLevel: 3,
        });
        return graphSession(session, api);
      } catch (error) {
        throw new RuntimeFailedError("open", error);
      }
    },
  };
}

function graphSession(session: InferenceSession, api: PublicApi): GraphSession {
  return {
    inputs: session.inputMetadata.map(graphValue),
    outputs: session.outputMetadata.map(graphValue),
    bind(inputs, outputs): BoundRun {
      const feeds = Object.fromEntries(
        Array.from(inputs, ([name, { dtype, data, shape }]) => [
          name,
          new api.Tensor(dtype, data, shape),
        ]),
      );
      const names = [...outputs.keys()];
      return async () => {
        try {
          const results = await session.run(feeds, names);
          for (const [name, { data }] of outputs) copyInto(data, results[name]?.data);
        } catch (error) {
          throw new RuntimeFailedError("run", error);
        }
      };
    },
    release: () => session.release(),
  };
}

function copyInto(target: TensorData, source: unknown): void {
  if (!ArrayBuffer.isView(source) || source.byteLength !== target.byteLength) {
    throw new TypeError(
      `an output does not have the ${target.byteLength} bytes that were expected`,
    );
  }
  bytesOf(target).set(bytesOf(source));
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function graphValue(metadata: InferenceSession.ValueMetadata): GraphValue {
  const { name } = metadata;
  if (!metadata.isTensor || !isDType(metadata.type)) {
    throw new TypeError(`"${name}" has a type that is not used here`);
  }
  return {
    name,
    dtype: metadata.type,
    shape: metadata.shape.map((size) => (typeof size === "number" ? size : null)),
  };
}
