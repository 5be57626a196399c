import vm from "node:vm";
import { image, Random } from "@everfresh/core";
import { type Client, connect } from "@everfresh/client";
import { mlp } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { bundleEdgeService, bundlePage, compressedBytes } from "./web-replica/bundles.ts";
import type { EdgeService } from "./web-replica/edge-service.ts";
import { ModelServer } from "./web-replica/model-server.ts";

/** What a page loads to connect, compressed: 30 KiB. ONNX Runtime comes to it, with 14 MB of WebAssembly. */
const CONNECT_BYTES_MAX = 30_720;

// Without ONNX Runtime there is nothing to compile: what is left must not make code while it runs.
const MAKES_CODE = /\beval\(|\bnew Function\b|\bFunction\(|\bWebAssembly(?!\.Memory\b)/;

describe("a page that connects", () => {
  it("loads little besides ONNX Runtime, and makes no code", async () => {
    const { page, worker, fullWorker } = await bundlePage();
    const bytes = [compressedBytes(page), compressedBytes(worker)] as const;
    const parts = `page ${bytes[0]} + worker ${bytes[1]} bytes`;
    expect(bytes[0] + bytes[1], parts).toBeLessThanOrEqual(CONNECT_BYTES_MAX);
    for (const code of [page, worker, fullWorker]) expect(code.match(MAKES_CODE)).toBeNull();
  });
});

/** What edge runtimes have, as far as it is used: no Node, no workers, no compiling of anything. */
function edgeRuntime(): vm.Context {
  const offered = { WebSocket, fetch, crypto, performance, URL, TextEncoder, TextDecoder };
  const timers = { setTimeout, clearTimeout, setInterval, clearInterval, queueMicrotask };
  const aborting = { AbortController, AbortSignal, Event, EventTarget, DOMException };
  // The memory that a WebSocket gives must be of the kind that the service knows.
  const memory = { ArrayBuffer, Uint8Array, Uint32Array, Int32Array, Float32Array, DataView };
  const globals = { ...offered, ...timers, ...aborting, ...memory };
  return vm.createContext(globals, { codeGeneration: { strings: false, wasm: false } });
}

describe("a replica in an edge runtime", () => {
  it("needs no Node, and compiles nothing", async () => {
    const code = await bundleEdgeService();
    expect(code.match(MAKES_CODE)).toBeNull();
    expect(code.match(/["'`]node:|\b(require|Worker)\(|\b(process|Buffer)\./)).toBeNull();
  });

  it("follows a server to the same state and the same predictions as in Node", async () => {
    const model = mlp({ inputs: 16, hidden: [8], outputs: 3, seed: 2 });
    const digits = image({ width: 4, height: 4 });
    await using server = await new ModelServer("edge", model, digits).start();
    const runtime = edgeRuntime();
    const run = (code: string): void => void vm.runInContext(code, runtime);
    expect(() => run("eval('1')")).toThrow(/Code generation/);
    expect(() => run("new WebAssembly.Module(new Uint8Array(8))")).toThrow(
      /disallowed by embedder/,
    );
    vm.runInContext(await bundleEdgeService(), runtime);
    const service = runtime["service"] as EdgeService;
    await using edge = await service.connect(server.url);
    await using node = await connect(server.url, { mode: "patch" });
    const random = new Random(9);
    const pixels = Uint8Array.from({ length: 16 }, () => random.below(256));
    for (let version = 0; version < 20; version++) {
      await Promise.all([reached(edge, version), reached(node, version)]);
      expect(edge.status()).toMatchObject({ version, fingerprint: server.deployed.fingerprint });
      const [there, here] = [
        await edge.predict({ image: pixels }),
        await node.predict({ image: pixels }),
      ];
      expect(there.version).toBe(version);
      there.probabilities.forEach((p, k) => expect(p).toBeCloseTo(here.probabilities[k]!, 6));
      const indices = Uint32Array.of(version, 40 + version, 130 + version);
      const values = Float32Array.from(indices, () => random.normal());
      server.publish({ valueType: "float32", indices, values, buffers: [] });
    }
  });
});

async function reached(model: Client, version: number): Promise<void> {
  for await (const status of model.states()) {
    if (status.version >= version) return;
  }
}
