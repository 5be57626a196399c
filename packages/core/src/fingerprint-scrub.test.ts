import { describe, expect, it } from "vitest";

import { DeployedState } from "./deployed-state.ts";
import { FingerprintMismatchError } from "./errors.ts";
import { Random } from "./random.ts";
import { createState, stateLayout } from "./state.ts";

const LAYOUT = stateLayout([
  { name: "weight", role: "parameter", dtype: "float32", shape: [7, 11] },
  { name: "nothing", role: "parameter", dtype: "float32", shape: [0] },
  { name: "bias", role: "parameter", dtype: "float32", shape: [5] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [6] },
  { name: "count", role: "buffer", dtype: "int64", shape: [3] },
  { name: "mask", role: "buffer", dtype: "bool", shape: [9] },
]);

/** An update at random places, sometimes with buffers. */
function change(deployed: DeployedState, random: Random): void {
  const chosen = new Set(Array.from({ length: 6 }, () => random.below(LAYOUT.parameterCount)));
  const indices = Uint32Array.from([...chosen].sort((a, b) => a - b));
  const values = Float32Array.from(indices, () => random.normal());
  const buffers = [
    { tensor: 3, data: Float32Array.from({ length: 6 }, () => random.normal()) },
    { tensor: 4, data: BigInt64Array.of(BigInt(random.uint32()), -1n, 5n) },
    { tensor: 5, data: Uint8Array.from({ length: 9 }, () => random.below(2)) },
  ].slice(random.below(4));
  deployed.apply(deployed.updateFor({ valueType: "float32", indices, values, buffers }));
}

describe("DeployedState.verifyPart", () => {
  it.each([1, 2, 3, 5, 8, 13, 21, 1_000])(
    "finds a state sound in parts of %i words while updates change it",
    (words) => {
      const random = new Random(words);
      const deployed = new DeployedState(createState(LAYOUT), 0);
      for (let pass = 0; pass < 5; pass++) {
        let parts = 1;
        while (!deployed.verifyPart(words)) {
          parts++;
          if (random.below(3) > 0) change(deployed, random);
        }
        expect(parts).toBe(Math.ceil((77 + 5 + 6 + 6 + 9) / words));
      }
    },
  );

  it("finds one flipped bit wherever it is, within one pass, and then begins again", () => {
    for (let byte = 0; byte < LAYOUT.byteLength; byte++) {
      const random = new Random(byte);
      const deployed = new DeployedState(createState(LAYOUT), 0);
      const { tensors } = LAYOUT;
      const isPadding = !tensors.some(({ byteOffset, length, dtype }) => {
        const size = { float32: 4, int64: 8, bool: 1, int32: 4, uint8: 1 }[dtype];
        return byte >= byteOffset && byte < byteOffset + length * size;
      });
      if (isPadding) continue;
      for (let i = random.below(10); i > 0; i--) deployed.verifyPart(2);
      while (!deployed.verifyPart(7));
      new Uint8Array(deployed.state.buffer)[byte]! ^= 1 << random.below(8);
      expect(() => {
        while (!deployed.verifyPart(7));
      }).toThrow(FingerprintMismatchError);
      new Uint8Array(deployed.state.buffer).fill(0);
      while (!deployed.verifyPart(7));
    }
  });
});
