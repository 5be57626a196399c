import { tensor } from "@everfresh/core";
import ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { RuntimeFailedError } from "../errors.ts";
import { GraphBuilder, type Value } from "../graph/builder.ts";
import { writeOnnx } from "../onnx/write.ts";
import { loadNativeRuntime } from "./native-runtime.ts";

const LENGTH = 1_000_000;

/** x + x, in two outputs of four megabytes. */
function doubling(): Uint8Array {
  const builder = new GraphBuilder(["x"]);
  const x: Value = { name: "x", dtype: "float32", shape: [LENGTH] };
  const value = builder.emit("Add", [x, x], x);
  const again = builder.emit("Mul", [x, builder.floats([2], [])], x);
  const outputs = [
    { name: "y", value },
    { name: "z", value: again },
  ];
  const built = builder.finish({ inputs: [x], state: [], outputs });
  return writeOnnx({ ...built, name: "doubling", initialisers: built.constants });
}

function vectorOf(value: number) {
  return tensor("float32", [LENGTH], new Float32Array(LENGTH).fill(value));
}

describe("loadNativeRuntime", () => {
  it("writes outputs to the memory that it was given, and nowhere else", async () => {
    const graph = await loadNativeRuntime("cpu").open(doubling(), { threads: 1 });
    const outputs = new Map(["y", "z"].map((name) => [name, vectorOf(0)]));
    const run = graph.bind(new Map([["x", vectorOf(21)]]), outputs);
    await run();
    const before = process.memoryUsage().arrayBuffers;
    await run();
    // At most the first output is made again.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThanOrEqual(4 * LENGTH + 100_000);
    for (const { data } of outputs.values()) {
      expect(data.every((value) => value === 42)).toBe(true);
    }
  });

  it("still says why a run failed", async () => {
    const graph = await loadNativeRuntime("cpu").open(doubling(), { threads: 1 });
    const run = graph.bind(new Map(), new Map([["y", vectorOf(0)]]));
    expect(run).toThrow(RuntimeFailedError);
    expect(run).toThrow(/could not run the graph: .*x/i);
  });

  it("leaves the results of others who use onnxruntime-node in this thread", async () => {
    const runtime = loadNativeRuntime("cpu");
    const graph = await runtime.open(doubling(), { threads: 1 });
    await graph.bind(new Map([["x", vectorOf(1)]]), new Map([["y", vectorOf(0)]]))();
    const session = await ort.InferenceSession.create(doubling());
    const { y } = await session.run({ x: new ort.Tensor("float32", vectorOf(2).data, [LENGTH]) });
    expect(y).toBeInstanceOf(ort.Tensor);
    expect(y?.dims).toEqual([LENGTH]);
    expect(y?.data.at(-1)).toBe(4);
  });
});
