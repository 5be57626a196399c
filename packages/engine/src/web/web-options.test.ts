import { describe, expect, it } from "vitest";
import { RuntimeUnavailableError } from "../errors.ts";
import { absolutePaths, checkThreads, checkWebPlan, checkWebProvider } from "./web-options.ts";

describe("absolutePaths", () => {
  it("makes addresses that hold for a worker as for the page", () => {
    const page = "https://example.org/app/index.html";
    expect(absolutePaths(undefined, page)).toBeNull();
    expect(absolutePaths("wasm/", page)).toBe("https://example.org/app/wasm/");
    expect(absolutePaths({ wasm: "/a.wasm" }, page)).toEqual({
      wasm: "https://example.org/a.wasm",
    });
    expect(absolutePaths({ mjs: "https://cdn.example/b.mjs" }, page)).toEqual({
      mjs: "https://cdn.example/b.mjs",
    });
  });
});

describe("what a browser is asked for", () => {
  it("is several threads only in a page that is given shared memory", () => {
    expect(() => checkThreads(1, false)).not.toThrow();
    expect(() => checkThreads(4, true)).not.toThrow();
    expect(() => checkThreads(2, false)).toThrow(/Cross-Origin-Opener-Policy/);
    expect(() => checkThreads(0, true)).toThrow(RangeError);
  });

  it("is one worker, and a provider that browsers have", () => {
    expect(() => checkWebPlan({})).not.toThrow();
    expect(() => checkWebPlan({ workers: 1, backend: "wasm", provider: "webgpu" })).not.toThrow();
    expect(() => checkWebPlan({ workers: 2 })).toThrow(RangeError);
    expect(() => checkWebPlan({ backend: "native" })).toThrow(RuntimeUnavailableError);
    expect(() => checkWebProvider("cuda")).toThrow(/"cpu" or "webgpu"/);
  });
});
