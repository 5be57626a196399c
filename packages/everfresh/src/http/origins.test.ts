import { describe, expect, it } from "vitest";
import { isFromThisMachine, mayChange, mayFollow, readableBy } from "./origins.ts";

const LISTED = ["https://shop.example"];
const server = "127.0.0.1:7070";

describe("pages of other origins", () => {
  it("may read answers if they are listed, and everybody does without a list", () => {
    expect(readableBy("*", undefined)).toMatchObject({ "access-control-allow-origin": "*" });
    expect(readableBy("*", "https://any.example")).not.toHaveProperty("vary");
    expect(readableBy(LISTED, "https://shop.example")).toEqual({
      "access-control-allow-origin": "https://shop.example",
      "access-control-expose-headers": "etag",
      vary: "origin",
    });
    for (const origin of [undefined, "https://shop.example.evil", "null"]) {
      expect(readableBy(LISTED, origin)).toEqual({ vary: "origin" });
    }
  });

  it("may follow over a WebSocket if they are listed or this server's, as programs may", () => {
    expect(mayFollow("*", { origin: "https://any.example", host: server })).toBe(true);
    expect(mayFollow(LISTED, { host: server })).toBe(true);
    expect(mayFollow(LISTED, { origin: "https://shop.example", host: server })).toBe(true);
    expect(mayFollow(LISTED, { origin: `http://${server}`, host: server })).toBe(true);
    expect(mayFollow(LISTED, { origin: "https://any.example", host: server })).toBe(false);
  });

  it.each([
    ["a program", undefined, server, true],
    ["this server's page", `http://${server}`, server, true],
    ["this server's page, by IPv6", "http://[::1]:7070", "[::1]:7070", true],
    ["this server's page, by localhost", "http://localhost:7070", "localhost:7070", true],
    ["its page behind a proxy, listed", "https://shop.example", "shop.example", true],
    ["another page", "https://any.example", server, false],
    ["another port", "http://127.0.0.1:8080", server, false],
    ["a name that leads here", "http://evil.example:7070", "evil.example:7070", false],
    ["nowhere", "null", server, false],
  ])("may change nothing, but for this server's own: %s", (_, origin, host, isAllowed) => {
    expect(mayChange(LISTED, { origin, host })).toBe(isAllowed);
    if (origin !== "https://shop.example") expect(mayChange("*", { origin, host })).toBe(isAllowed);
  });
});

describe("a request from this machine", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1", true],
    ["::1", "::1", true],
    ["::ffff:127.0.0.1", "::ffff:127.0.0.1", true],
    ["192.168.1.5", "192.168.1.5", true],
    ["192.168.1.9", "192.168.1.5", false],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.2", false],
  ])("is one from %s to %s: %s", (remoteAddress, localAddress, isHere) => {
    expect(isFromThisMachine({ remoteAddress, localAddress })).toBe(isHere);
  });
});
