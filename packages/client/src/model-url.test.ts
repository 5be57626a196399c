import { describe, expect, it } from "vitest";

import { InvalidUrlError } from "./errors.ts";
import { webSocketUrl } from "./model-url.ts";

describe("webSocketUrl", () => {
  it.each([
    ["ws://127.0.0.1:7070/v1/models/digits", "ws://127.0.0.1:7070/v1/models/digits"],
    ["http://127.0.0.1:7070/v1/models/digits", "ws://127.0.0.1:7070/v1/models/digits"],
    ["https://host.example/v1/models/a?b=c", "wss://host.example/v1/models/a?b=c"],
    ["wss://host.example/x", "wss://host.example/x"],
  ])("maps %s to %s", (url, expected) => {
    expect(webSocketUrl(url)).toBe(expected);
    expect(webSocketUrl(new URL(url))).toBe(expected);
  });

  it.each(["digits", "127.0.0.1:7070", "ftp://host/x", "", "http://"])("refuses %j", (url) => {
    expect(() => webSocketUrl(url)).toThrow(InvalidUrlError);
  });
});
