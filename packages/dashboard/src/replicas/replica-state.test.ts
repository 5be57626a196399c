import { describe, expect, it } from "vitest";
import { exampleReplica, exampleStatus } from "../status.fixture.ts";
import { replicaAddress, replicaCommand } from "./replica-address.ts";
import { replicaState, replicaStateText } from "./replica-state.ts";

describe("a replica", () => {
  const trainer = exampleStatus();

  it("is in step at the trainer's version with its fingerprint", () => {
    const state = replicaState(exampleReplica(), trainer);
    expect(state).toEqual({ kind: "inStep" });
    expect(replicaStateText(state)).toBe("In step");
  });

  it("is behind by its lag", () => {
    const one = replicaState(exampleReplica({ version: 239, lagVersions: 1 }), trainer);
    const many = replicaState(exampleReplica({ version: 233, lagVersions: 7 }), trainer);
    expect(replicaStateText(one)).toBe("Behind by 1 version");
    expect(replicaStateText(many)).toBe("Behind by 7 versions");
  });

  it("differs when the version is the trainer's and the fingerprint is not", () => {
    const state = replicaState(exampleReplica({ fingerprint: "0" }), trainer);
    expect(replicaStateText(state)).toBe("Fingerprint differs");
  });
});

describe("the address of a replica", () => {
  it("is the page's own with the protocol of a WebSocket", () => {
    const base = new URL("http://127.0.0.1:7070/?x=1#y");
    expect(replicaCommand(base, "digits")).toBe(
      "everfresh replica ws://127.0.0.1:7070/v1/models/digits",
    );
  });

  it("keeps encryption and the path that the page is served below", () => {
    const base = new URL("https://example.org/fresh/");
    expect(replicaAddress(base, "a b")).toBe("wss://example.org/fresh/v1/models/a%20b");
  });
});
