import { describe, expect, it } from "vitest";
import { RuntimeUnavailableError } from "../errors.ts";
import { requestedBackend } from "./load-runtime.ts";

describe("requestedBackend", () => {
  it("reads the environment", () => {
    expect(requestedBackend({})).toBeUndefined();
    expect(requestedBackend({ EVERFRESH_BACKEND: "" })).toBeUndefined();
    expect(requestedBackend({ EVERFRESH_BACKEND: "wasm" })).toBe("wasm");
    expect(requestedBackend({ EVERFRESH_BACKEND: "native" })).toBe("native");
  });

  it("refuses what is no backend, and says what is", () => {
    expect(() => requestedBackend({ EVERFRESH_BACKEND: "cuda" })).toThrow(RuntimeUnavailableError);
    expect(() => requestedBackend({ EVERFRESH_BACKEND: "cuda" })).toThrow(/"native" or "wasm"/);
  });
});
