import type { Transport } from "@everfresh/sync";
import { describe, expect, it } from "vitest";

import { resolveTarget } from "./connect-target.ts";
import { InvalidUrlError } from "./errors.ts";

const way: Transport = { address: "somewhere", open: () => Promise.reject(new Error("closed")) };

describe("what connect() is given", () => {
  it("is an address, an address with another way to it, or a way", () => {
    expect(resolveTarget("http://host/m", undefined)).toEqual({
      url: "ws://host/m",
      transport: undefined,
    });
    expect(resolveTarget(new URL("wss://host/m"), way)).toEqual({
      url: "wss://host/m",
      transport: way,
    });
    expect(resolveTarget(way, undefined)).toEqual({ url: null, transport: way });
  });

  it("is refused when it is an address that leads nowhere", () => {
    expect(() => resolveTarget("nats://host/m", undefined)).toThrow(InvalidUrlError);
  });
});
