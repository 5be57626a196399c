import { type DeployedState, Random, type Update } from "@everfresh/core";
import type { VersionedState } from "./inference-session.ts";

/** What a session is opened with to begin where `deployed` is. */
export function snapshotOf({ state, version, fingerprint }: DeployedState): VersionedState {
  return { state, version, fingerprint };
}

/**
 * Makes `count` updates that each change a third of the parameters, and every buffer a little; moves
 * `deployed` along.
 * @param onVersion called after each
 */
export function updates(
  deployed: DeployedState,
  count: number,
  onVersion: (deployed: DeployedState) => void = () => undefined,
): Update[] {
  const random = new Random(11);
  const { parameterCount, tensors } = deployed.state.layout;
  return Array.from({ length: count }, (_, step) => {
    const indices = Uint32Array.from(
      { length: Math.floor(parameterCount / 3) },
      (_, i) => 3 * i + (step % 3),
    );
    const update = deployed.updateFor({
      valueType: "float32",
      indices,
      values: Float32Array.from(indices, () => Math.fround(0.3 * random.normal())),
      buffers: tensors.flatMap(({ role, length }, tensor) =>
        role === "buffer"
          ? [{ tensor, data: Float32Array.from({ length }, () => random.uniform(0.5, 1.5)) }]
          : [],
      ),
    });
    deployed.apply(update);
    onVersion(deployed);
    return update;
  });
}
