import { describe, expect, it } from "vitest";
import { loadRuntime } from "../runtime/load-runtime.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { probeBlockedLayout } from "./blocked-probe.ts";

describe("probeBlockedLayout", () => {
  it("finds the layout of the native build, with blocks of 8 or 16", async () => {
    const block = await probeBlockedLayout(await loadRuntime({ backend: "native" }));
    expect([8, 16]).toContain(block);
  });

  it("finds none in WebAssembly", async () => {
    expect(await probeBlockedLayout(await loadRuntime({ backend: "wasm" }))).toBeNull();
  });

  it("takes a runtime that refuses the operators for one without the layout", async () => {
    const native = await loadRuntime({ backend: "native" });
    const refusing: Runtime = { ...native, open: () => Promise.reject(new Error("no such op")) };
    expect(await probeBlockedLayout(refusing)).toBeNull();
  });

  it("takes a runtime that computes something else for one without the layout", async () => {
    const native = await loadRuntime({ backend: "native" });
    const wrong: Runtime = {
      ...native,
      open: async (onnx, options) => {
        const session = await native.open(onnx, options);
        return {
          ...session,
          bind: (inputs, outputs) => {
            const run = session.bind(inputs, outputs);
            return async () => {
              await run();
              for (const { data } of outputs.values()) data.fill(0 as never);
            };
          },
        };
      },
    };
    expect(await probeBlockedLayout(wrong)).toBeNull();
  });
});
