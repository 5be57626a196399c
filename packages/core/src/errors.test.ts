import { describe, expect, it } from "vitest";
import { assert, EverfreshError, ShapeError, VersionGapError } from "./errors.ts";

describe("operating errors", () => {
  it("carry a code, a name, the values of the message and their cause", () => {
    const cause = new Error("disk on fire");
    const error = new EverfreshError("EF_TEST", "It failed", { cause, details: { value: 7 } });
    expect(error).toMatchObject({ code: "EF_TEST", name: "EverfreshError", details: { value: 7 } });
    expect(error.cause).toBe(cause);
    expect(new ShapeError("x")).toMatchObject({ name: "ShapeError", details: {} });
    expect("cause" in new ShapeError("x")).toBe(false);
  });

  it("can be told apart by class", () => {
    const error: unknown = new VersionGapError(3, 5, 6);
    expect(error).toBeInstanceOf(EverfreshError);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(ShapeError);
    expect((error as Error).message).toBe(
      "Update 5 to 6 does not apply to version 3; ask for a snapshot",
    );
  });
});

describe("assert", () => {
  it("crashes on a programmer error, which is no operating error", () => {
    assert(true, "fine");
    const broken = (): void => assert(false, "impossible");
    expect(broken).toThrow("internal: impossible");
    expect(broken).not.toThrow(EverfreshError);
  });
});
