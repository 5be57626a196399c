import { RuntimeUnavailableError } from "../errors.ts";
import { loadNativeRuntime } from "./native-runtime.ts";
import { publicRuntime } from "./public-runtime.ts";
import type { Backend, Runtime } from "./runtime.ts";
import { loadWasmRuntime } from "./wasm-runtime.ts";

// Environment variable that forces a backend, "native" or "wasm".
const BACKEND_VARIABLE = "EVERFRESH_BACKEND";

const LOADERS: { readonly [B in Backend]: () => Promise<Runtime> } = {
  native: loadNative,
  wasm: loadWasmRuntime,
};

const ORDER: readonly Backend[] = ["native", "wasm"];

/**
 * Which backend the environment asks for; undefined for the first that loads.
 * @throws RuntimeUnavailableError when the variable holds anything else
 */
export function requestedBackend(
  environment: Readonly<Record<string, string | undefined>>,
): Backend | undefined {
  const value = environment[BACKEND_VARIABLE];
  if (value === undefined || value === "") return undefined;
  const backend = ORDER.find((candidate) => candidate === value);
  if (backend === undefined) {
    throw new RuntimeUnavailableError(
      `${BACKEND_VARIABLE} is "${value}"; set it to "native" or "wasm", or not at all`,
    );
  }
  return backend;
}

/**
 * Loads ONNX Runtime into this thread: the given backend, or the native one if it is installed and
 * the WASM one otherwise.
 * @throws RuntimeUnavailableError when it does not load
 */
export async function loadRuntime(backend: Backend | undefined): Promise<Runtime> {
  const failures: unknown[] = [];
  for (const candidate of backend === undefined ? ORDER : [backend]) {
    try {
      return await LOADERS[candidate]();
    } catch (error) {
      failures.push(error);
    }
  }
  const reasons = failures.map((error) => (error instanceof Error ? error.message : String(error)));
  throw new RuntimeUnavailableError(
    `ONNX Runtime (${backend ?? ORDER.join(" and ")}) does not load: ${reasons.join("; ")}. ` +
      "Install onnxruntime-node (ONNXRUNTIME_NODE_INSTALL=skip npm i onnxruntime-node) " +
      `or set ${BACKEND_VARIABLE}=wasm`,
    failures.at(-1),
  );
}

async function loadNative(): Promise<Runtime> {
  try {
    return loadNativeRuntime();
  } catch (error) {
    if (!isMissingBinding(error)) throw error;
    // The package is there but keeps its inside elsewhere: use what it documents.
    const { default: ort } = await import("onnxruntime-node");
    return publicRuntime("native", ort, ort.env.versions.common);
  }
}

function isMissingBinding(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "MODULE_NOT_FOUND" || code === "ERR_PACKAGE_PATH_NOT_EXPORTED";
}
