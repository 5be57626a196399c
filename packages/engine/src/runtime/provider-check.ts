import { RuntimeUnavailableError } from "../errors.ts";
import { writeOnnx } from "../onnx/write.ts";
import type { Provider, Runtime } from "./runtime.ts";

/** What a provider needs, as the end of a message that says that it is not there. */
const NEEDS: { readonly [P in Provider]: string } = {
  cpu: "It is part of every build: install the package again",
  webgpu:
    "It needs a GPU with a driver for Vulkan (Linux, with libvulkan.so.1), Metal or Direct3D 12; " +
    'install that, or use the provider "cpu"',
  cuda:
    "It needs Linux x64, an NVIDIA driver, CUDA 12 with cuDNN 9, and the CUDA files of " +
    "onnxruntime-node, which are not in its package: " +
    "npm install onnxruntime-node --onnxruntime-node-install=cuda12 fetches them; " +
    'or use the provider "cpu"',
};

/**
 * Computes one product on the runtime's provider, so that a provider that is not there is an error at
 * once and not a model that does not open, or opens elsewhere.
 * @throws RuntimeUnavailableError when the provider does not compute
 */
export async function checkProvider(runtime: Runtime): Promise<void> {
  const { provider } = runtime;
  let product: number;
  try {
    product = await square(runtime, 3);
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    throw unavailable(provider, reason, error);
  }
  if (product !== 9) throw unavailable(provider, `it computes 3 · 3 = ${product}`);
}

function unavailable(provider: Provider, reason: string, cause?: unknown): RuntimeUnavailableError {
  return new RuntimeUnavailableError(
    `The execution provider "${provider}" is not available. ${NEEDS[provider]}. ` +
      `What ONNX Runtime says: ${reason}`,
    cause,
  );
}

async function square(runtime: Runtime, value: number): Promise<number> {
  const port = { dtype: "float32", shape: [1, 1] } as const;
  const onnx = writeOnnx({
    name: "provider",
    inputs: [{ name: "x", ...port }],
    outputs: [{ name: "y", ...port }],
    initialisers: [],
    nodes: [{ name: "y", operator: "MatMul", inputs: ["x", "x"], outputs: ["y"], attributes: {} }],
  });
  const graph = await runtime.open(onnx, { threads: 1 });
  try {
    const y = new Float32Array(1);
    const x = { ...port, data: Float32Array.of(value) };
    await graph.bind(new Map([["x", x]]), new Map([["y", { ...port, data: y }]]))();
    return y[0] ?? NaN;
  } finally {
    await graph.release();
  }
}
