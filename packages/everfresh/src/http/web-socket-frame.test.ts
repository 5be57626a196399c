import { describe, expect, it } from "vitest";
import { webSocketFrame } from "./web-socket-frame.ts";

describe("webSocketFrame", () => {
  // The examples of RFC 6455 section 5.7, and the lengths at which the header changes.
  it.each([
    [0, "8200"],
    [125, "827d"],
    [126, "827e007e"],
    [256, "827e0100"],
    [65_535, "827effff"],
    [65_536, "827f0000000000010000"],
  ])("puts the length %i before the message", (length, head) => {
    const message = Uint8Array.from({ length }, (_, i) => i % 251);
    const frame = webSocketFrame(message);
    expect(frame.subarray(0, head.length / 2).toString("hex")).toBe(head);
    expect(frame.subarray(head.length / 2).equals(message)).toBe(true);
  });
});
