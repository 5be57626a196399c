/** What an edge service is: a replica and a model that computes without ONNX Runtime. */
import { type Client, connect, type Runtime, type RuntimeSession } from "@everfresh/client";
import {
  dataOf,
  DeployedState,
  type ModelState,
  preprocessorOf,
  samplesIn,
  stateOn,
} from "@everfresh/core";

/** The layers of a multilayer perceptron with ReLU, in plain loops. */
function perceptron(state: ModelState, sample: Float32Array): Float32Array {
  const tensors = state.layout.tensors.filter(({ role }) => role === "parameter");
  let values = sample;
  for (let layer = 0; layer < tensors.length; layer += 2) {
    const [weight, bias] = [tensors[layer], tensors[layer + 1]];
    if (weight === undefined || bias === undefined) throw new Error("weights come with biases");
    const [w, b] = [dataOf(state, weight), dataOf(state, bias)];
    const [inputs, isLast] = [values, layer + 2 === tensors.length];
    values = Float32Array.from(b as Float32Array, (start, row) => {
      let sum = start;
      for (let i = 0; i < inputs.length; i++) {
        sum += Number(w[row * inputs.length + i]) * (inputs[i] ?? 0);
      }
      return isLast ? sum : Math.max(0, sum);
    });
  }
  return values;
}

const plainRuntime: Runtime = {
  load(manifest, { bytes, version, fingerprint }) {
    const own = (from: Uint8Array): ModelState =>
      stateOn(manifest.layout, new Uint8Array(from).buffer);
    const preprocessor = preprocessorOf(manifest.preprocessing);
    let deployed = new DeployedState(own(bytes), version, fingerprint);
    const name = (): { version: number; fingerprint: string } => ({
      version: deployed.version,
      fingerprint: deployed.fingerprint,
    });
    const session: RuntimeSession = {
      predict(features, size) {
        const samples = samplesIn(features, size, preprocessor.rawSize);
        const statistics = preprocessor.statisticsIn(deployed.state);
        const inputs = preprocessor.transform(statistics, samples);
        const each = inputs.length / size;
        const outputs = Array.from({ length: size }, (_, i) => [
          ...perceptron(deployed.state, inputs.subarray(i * each, (i + 1) * each)),
        ]);
        return Promise.resolve({ outputs: Float32Array.from(outputs.flat()), ...name() });
      },
      apply(update) {
        deployed.apply(update);
        return Promise.resolve(name());
      },
      replace(snapshot) {
        deployed = new DeployedState(own(snapshot.bytes), snapshot.version, snapshot.fingerprint);
        return Promise.resolve(name());
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    return Promise.resolve(session);
  },
};

/** What the test can ask the service for. */
export interface EdgeService {
  connect(url: string): Promise<Client>;
}

const service: EdgeService = { connect: (url) => connect(url, { runtime: plainRuntime }) };
Object.assign(globalThis, { service });
