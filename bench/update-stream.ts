import { deployCopy, type ModelState, Random, type Update } from "@everfresh/core";
import type { InferenceSession } from "@everfresh/engine";

/** Updates for a state at version 0, one after another. */
export interface UpdateStream {
  /** Sends the next update; resolves when it is applied. */
  send(session: InferenceSession): Promise<void>;
  /** What an answer of this version says about how late it is. */
  answered(version: number): void;
  /** The longest time from an applied update to the first answer that has it, in milliseconds. */
  readonly latestMs: number;
  /** Updates that were sent, and those of them that an answer has had. */
  readonly sent: number;
  readonly seen: number;
}

/** `count` updates, made beforehand, that each change every (1 / ratio)-th parameter a little. */
export function updateStream(state: ModelState, count: number, ratio: number): UpdateStream {
  const made = makeUpdates(state, count, ratio);
  const appliedAtMs: number[] = [];
  let sent = 0;
  let seen = 0;
  let latestMs = 0;
  return {
    async send(session) {
      const update = made[sent];
      if (update === undefined) return;
      const version = ++sent;
      await session.apply(update);
      appliedAtMs[version] = performance.now();
    },
    answered(version) {
      for (; seen < version; seen++) {
        // An answer can be quicker than the word that the update is applied.
        const nowMs = performance.now();
        latestMs = Math.max(latestMs, nowMs - (appliedAtMs[seen + 1] ?? nowMs));
      }
    },
    get latestMs() {
      return latestMs;
    },
    get sent() {
      return sent;
    },
    get seen() {
      return seen;
    },
  };
}

function makeUpdates(state: ModelState, count: number, ratio: number): Update[] {
  const random = new Random(3);
  const deployed = deployCopy(state, 0);
  const { parameterCount } = state.layout;
  const stride = Math.max(1, Math.round(1 / ratio));
  const length = Math.ceil(parameterCount / stride);
  return Array.from({ length: count }, () => {
    const phase = random.below(Math.min(stride, parameterCount - (length - 1) * stride));
    const indices = Uint32Array.from({ length }, (_, i) => i * stride + phase);
    const values = Float32Array.from(indices, (index) =>
      Math.fround((state.parameters[index] ?? 0) + 1e-3 * random.normal()),
    );
    const update = deployed.updateFor({ valueType: "float32", indices, values, buffers: [] });
    deployed.apply(update);
    return update;
  });
}
