import { RuntimeUnavailableError } from "../errors.ts";
import { loadNativeRuntime } from "./native-runtime.ts";
import { checkProvider } from "./provider-check.ts";
import { publicRuntime } from "./public-runtime.ts";
import type { Backend, Provider, Runtime, RuntimeRequest } from "./runtime.ts";
import { loadWasmRuntime } from "./wasm-runtime.ts";

// Environment variables that choose where the caller does not.
const BACKEND_VARIABLE = "EVERFRESH_BACKEND";
const PROVIDER_VARIABLE = "EVERFRESH_PROVIDER";

const BACKENDS: readonly Backend[] = ["native", "wasm"]; // in the order in which they are tried
const PROVIDERS: readonly Provider[] = ["cpu", "webgpu", "cuda"];

/** How each backend is loaded. */
export type RuntimeLoaders = {
  readonly [B in Backend]: (provider: Provider) => Promise<Runtime>;
};

const LOADERS: RuntimeLoaders = { native: loadNative, wasm: loadWasm };

/**
 * Which runtime to load: what the caller asks for, otherwise what the environment does.
 * @throws RuntimeUnavailableError when a variable names no backend or no provider
 */
export function requestedRuntime(
  environment: Readonly<Record<string, string | undefined>>,
  asked: RuntimeRequest = {},
): RuntimeRequest {
  const backend = asked.backend ?? chosen(environment, BACKEND_VARIABLE, BACKENDS);
  const provider = asked.provider ?? chosen(environment, PROVIDER_VARIABLE, PROVIDERS);
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(provider === undefined ? {} : { provider }),
  };
}

/**
 * Loads ONNX Runtime into this thread: the backend that is asked for, or the native one if it loads
 * and the WASM one otherwise, which then knows why. A provider is never replaced by another.
 * @throws RuntimeUnavailableError when it does not load, or lacks the provider
 */
export async function loadRuntime(
  request: RuntimeRequest,
  loaders: RuntimeLoaders = LOADERS,
): Promise<Runtime> {
  const { backend, provider = "cpu" } = request;
  if (provider !== "cpu") {
    // Only the native build has other providers in Node.
    const runtime = await load(loaders, [backend ?? "native"], provider);
    await checkProvider(runtime);
    return runtime;
  }
  return load(loaders, backend === undefined ? BACKENDS : [backend], provider);
}

async function load(
  loaders: RuntimeLoaders,
  candidates: readonly Backend[],
  provider: Provider,
): Promise<Runtime> {
  const failures: unknown[] = [];
  for (const candidate of candidates) {
    try {
      const runtime = await loaders[candidate](provider);
      const [reason] = failures.map(reasonOf);
      return reason === undefined ? runtime : { ...runtime, fallbackReason: reason };
    } catch (error) {
      failures.push(error);
    }
  }
  throw new RuntimeUnavailableError(
    `ONNX Runtime (${candidates.join(" and ")}) does not load: ` +
      `${failures.map(reasonOf).join("; ")}. ` +
      "Install onnxruntime-node (ONNXRUNTIME_NODE_INSTALL=skip npm i onnxruntime-node)" +
      (provider === "cpu" ? ` or set ${BACKEND_VARIABLE}=wasm` : ' or use the provider "cpu"'),
    failures.at(-1),
  );
}

/** The first line: what follows it in Node's messages is where it was looked for. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0] ?? message;
}

function chosen<Name extends string>(
  environment: Readonly<Record<string, string | undefined>>,
  variable: string,
  names: readonly Name[],
): Name | undefined {
  const value = environment[variable];
  if (value === undefined || value === "") return undefined;
  const name = names.find((candidate) => candidate === value);
  if (name === undefined) {
    const list = names.map((candidate) => `"${candidate}"`).join(" or ");
    throw new RuntimeUnavailableError(
      `${variable} is "${value}"; set it to ${list}, or not at all`,
    );
  }
  return name;
}

async function loadNative(provider: Provider): Promise<Runtime> {
  try {
    return loadNativeRuntime(provider);
  } catch (error) {
    if (!isMissingBinding(error)) throw error;
    // The package is there but keeps its inside elsewhere: use what it documents.
    const { default: ort } = await import("onnxruntime-node");
    return publicRuntime("native", ort, ort.env.versions.common, provider);
  }
}

function loadWasm(provider: Provider): Promise<Runtime> {
  if (provider === "cpu") return loadWasmRuntime();
  throw new Error(`the WASM build in Node has no provider "${provider}", only "cpu"`);
}

function isMissingBinding(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "MODULE_NOT_FOUND" || code === "ERR_PACKAGE_PATH_NOT_EXPORTED";
}
