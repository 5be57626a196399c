import { describe, expect, it } from "vitest";
import { ConfigError, UsageError } from "../errors.ts";
import {
  isNatsAddress,
  natsAddressOf,
  natsTransportTo,
  parseNatsAddress,
  parseNatsServer,
} from "./nats-address.ts";

describe("the address of a model on a NATS server", () => {
  it.each([
    ["nats://127.0.0.1:4222/digits", "nats://127.0.0.1:4222", "digits"],
    ["tls://nats.example.org/my.model-1", "tls://nats.example.org", "my.model-1"],
    ["nats+ws://127.0.0.1:8080/digits", "ws://127.0.0.1:8080", "digits"],
    ["nats+wss://nats.example.org/digits", "wss://nats.example.org", "digits"],
    ["nats://eva:p%40ss@[::1]:4222/a%2Db", "nats://eva:p%40ss@[::1]:4222", "a-b"],
  ])("%s names server and model", async (text, server, model) => {
    expect(isNatsAddress(text)).toBe(true);
    expect(parseNatsAddress(text)).toEqual({ server, model });
    const { address } = await natsTransportTo(text, undefined);
    expect(address).not.toContain("p%40ss");
  });

  it.each([
    "nats://127.0.0.1:4222",
    "nats://127.0.0.1:4222/",
    "nats:///digits",
    "nats+ws://host:1/a/b",
    "nats://eva:secret@host/",
    "nats://host/digits?x=1",
  ])("%s is refused, without what may be secret", (text) => {
    expect(() => parseNatsAddress(text)).toThrow(UsageError);
    expect(() => parseNatsAddress(text)).not.toThrow("secret");
  });

  it.each(["ws://127.0.0.1:7070/v1/models/digits", "http://x/nats", "natsx://x/y", "digits"])(
    "is not %s",
    (text) => {
      expect(isNatsAddress(text)).toBe(false);
    },
  );

  it("is what the servers of a publication come to", () => {
    expect(natsAddressOf("nats://eva:secret@host:4222", "digits")).toBe("nats://host:4222/digits");
    expect(natsAddressOf(["wss://one", "wss://two"], "digits")).toBe("nats+wss://one/digits");
    expect(parseNatsServer("nats+wss://one")).toBe("wss://one");
    expect(parseNatsServer("nats://host:4222/")).toBe("nats://host:4222");
    expect(() => parseNatsServer("nats://host:4222/digits")).toThrow(UsageError);
    expect(() => parseNatsServer("ws://host")).toThrow(UsageError);
  });

  it("says which credentials cannot be read", async () => {
    const joining = natsTransportTo("nats://host/digits", "/nowhere/my.creds");
    await expect(joining).rejects.toThrow(ConfigError);
    await expect(joining).rejects.toThrow("/nowhere/my.creds");
  });
});
