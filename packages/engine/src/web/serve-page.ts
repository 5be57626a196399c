import type { LoadRuntime, Provider } from "../runtime/runtime.ts";
import type { InferenceWorkerSetup } from "../sessions/inference-protocol.ts";
import { serveInference } from "../sessions/serve-inference.ts";
import type { TrainingWorkerSetup } from "../sessions/training-protocol.ts";
import { serveWebTraining } from "./serve-web-training.ts";
import { type WebBuild, webRuntime, type WebRuntimeSetup } from "./web-runtime.ts";

import { firstMessage, webWorkerPort, type WorkerScope } from "./web-worker-port.ts";

/** What a page starts its worker with. */
export type WebWorkerSetup = WebRuntimeSetup &
  (
    | { readonly kind: "training"; readonly training: TrainingWorkerSetup }
    | { readonly kind: "inference"; readonly inference: InferenceWorkerSetup }
  );

// ONNX Runtime starts its own threads from the file that it is in, which a bundler may make this one.
const RUNTIME_THREAD = "em-pthread";

/** The whole life of a Web Worker of this package: what the page starts it with says what it is. */
export async function servePage(
  scope: WorkerScope,
  build: WebBuild,
  provider: Provider,
): Promise<void> {
  if (scope.name.startsWith(RUNTIME_THREAD)) return;
  const setup = (await firstMessage(scope)) as WebWorkerSetup;
  const load: LoadRuntime = () => webRuntime(build, provider, setup);
  const port = webWorkerPort(scope);
  if (setup.kind === "training") await serveWebTraining(port, setup.training, load);
  else await serveInference(port, setup.inference, load);
}
