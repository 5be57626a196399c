import { describe, expect, it } from "vitest";
import { RuntimeUnavailableError } from "../errors.ts";
import { loadRuntime, requestedRuntime, type RuntimeLoaders } from "./load-runtime.ts";
import type { Provider, Runtime } from "./runtime.ts";

const BROKEN = "libonnxruntime.so.1: version `GLIBC_2.99' not found\nsomewhere deep inside";

function runtimeOf(backend: Runtime["backend"], provider: Provider): Runtime {
  const open = () => Promise.reject(new Error("the driver is missing"));
  return { backend, provider, version: "1.0.0", fallbackReason: null, open };
}

const NATIVE_BROKEN: RuntimeLoaders = {
  native: () => Promise.reject(new Error(BROKEN)),
  wasm: (provider) => Promise.resolve(runtimeOf("wasm", provider)),
};

describe("requestedRuntime", () => {
  it("reads the environment where the caller leaves it open", () => {
    expect(requestedRuntime({})).toEqual({});
    expect(requestedRuntime({ EVERFRESH_BACKEND: "", EVERFRESH_PROVIDER: "" })).toEqual({});
    const environment = { EVERFRESH_BACKEND: "wasm", EVERFRESH_PROVIDER: "webgpu" };
    expect(requestedRuntime(environment)).toEqual({ backend: "wasm", provider: "webgpu" });
    expect(requestedRuntime(environment, { backend: "native" })).toEqual({
      backend: "native",
      provider: "webgpu",
    });
    expect(requestedRuntime(environment, { provider: "cpu" })).toMatchObject({ provider: "cpu" });
  });

  it("refuses what is no backend or no provider, and says what is", () => {
    const backend = () => requestedRuntime({ EVERFRESH_BACKEND: "cuda" });
    expect(backend).toThrow(RuntimeUnavailableError);
    expect(backend).toThrow(/EVERFRESH_BACKEND is "cuda"; set it to "native" or "wasm"/);
    const provider = () => requestedRuntime({ EVERFRESH_PROVIDER: "gpu" });
    expect(provider).toThrow(RuntimeUnavailableError);
    expect(provider).toThrow(/EVERFRESH_PROVIDER is "gpu"; set it to "cpu" or "webgpu" or "cuda"/);
  });
});

describe("loadRuntime", () => {
  it("loads the native build, and then there is no reason for a fallback", async () => {
    const { backend, provider, fallbackReason } = await loadRuntime({});
    expect({ backend, provider, fallbackReason }).toEqual({
      backend: "native",
      provider: "cpu",
      fallbackReason: null,
    });
  });

  it("falls back to WASM and knows why", async () => {
    const runtime = await loadRuntime({}, NATIVE_BROKEN);
    expect(runtime).toMatchObject({ backend: "wasm", fallbackReason: BROKEN.split("\n")[0] });
  });

  it("does not fall back from what was asked for", async () => {
    await expect(loadRuntime({ backend: "native" }, NATIVE_BROKEN)).rejects.toThrow(/GLIBC_2\.99/);
    const asked = await loadRuntime({ backend: "wasm" }, NATIVE_BROKEN);
    expect(asked.fallbackReason).toBeNull();
    const provider = loadRuntime({ provider: "webgpu" }, NATIVE_BROKEN);
    await expect(provider).rejects.toBeInstanceOf(RuntimeUnavailableError);
    await expect(provider).rejects.toThrow(/use the provider "cpu"/);
  });

  it("says what a provider needs that is not there, and computes with no other", async () => {
    const loaders: RuntimeLoaders = {
      ...NATIVE_BROKEN,
      native: (provider) => Promise.resolve(runtimeOf("native", provider)),
    };
    const cuda = loadRuntime({ provider: "cuda" }, loaders);
    await expect(cuda).rejects.toBeInstanceOf(RuntimeUnavailableError);
    await expect(cuda).rejects.toThrow(
      /"cuda" is not available\. .*CUDA 12 with cuDNN 9.*provider "cpu".*the driver is missing/,
    );
    await expect(loadRuntime({ provider: "webgpu" }, loaders)).rejects.toThrow(/libvulkan/);
  });

  it("computes on a provider of this machine, or says what is missing; never on another", async () => {
    for (const provider of ["webgpu", "cuda"] as const) {
      const outcome = await loadRuntime({ provider }).catch((error: unknown) => error);
      const provides = { backend: "native", provider, fallbackReason: null };
      const lacks = { code: "EF_RUNTIME_UNAVAILABLE" };
      expect(outcome).toMatchObject(outcome instanceof Error ? lacks : provides);
    }
  });

  it("has no other provider than cpu in the WASM build", async () => {
    await expect(loadRuntime({ backend: "wasm", provider: "webgpu" })).rejects.toThrow(
      /the WASM build in Node has no provider "webgpu"/,
    );
  });
});
