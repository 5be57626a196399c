import { Random } from "@everfresh/core";
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";

import { TransportError } from "../../errors.ts";
import { ManualTime, settled } from "../../manual-time.fixture.ts";
import { reachable } from "../../reachable.fixture.ts";
import { encodeHttpHead } from "./http-head.ts";
import type { Fetch, FetchedResponse } from "./http-requests.ts";
import { httpTransport } from "./http-transport.ts";

const OPTIONS = { random: new Random(1) };

const HEAD: FetchedResponse = {
  status: 200,
  headers: { get: () => null },
  arrayBuffer: () => {
    const state = { logId: "log-1", version: 0, fingerprint: "0".repeat(32) };
    const head = { ...state, manifest: "00000000", madeAtMs: 0, anchors: [], segments: [] };
    return Promise.resolve(new Uint8Array(encodeHttpHead(head)).buffer);
  },
};

describe("HttpRequests", () => {
  it("leaves nothing of an attempt that failed in memory, whoever fetched", async () => {
    const { fetch, signals } = listening(() => Promise.reject(new Error("nobody is there")));
    const transport = httpTransport("http://model", { ...OPTIONS, fetch });
    const { signal } = new AbortController();
    for (let i = 0; i < 5; i++) {
      await expect(transport.open(signal)).rejects.toThrow(TransportError);
    }
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(await reachable(signals)).toBe(0);
  });

  it("leaves nothing of a connection that was closed in memory, nor of one that broke", async () => {
    const time = new ManualTime();
    let isThere = true;
    const { fetch, signals } = listening(() =>
      isThere ? Promise.resolve(HEAD) : Promise.reject(new Error("gone")),
    );
    const transport = httpTransport("http://model", { ...OPTIONS, fetch, timers: time });
    const { signal } = new AbortController();
    const closed = await transport.open(signal);
    const broken = await transport.open(signal);
    closed.close();
    isThere = false;
    await time.advance(2e9);
    await expect(broken[Symbol.asyncIterator]().next()).rejects.toThrow("no server answers");
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(time.pending).toBe(0);
    expect(await reachable(signals)).toBe(0);
  });

  it("gives up an answer that stops in the midst of its body", async () => {
    const time = new ManualTime();
    const fetch: Fetch = (_url, { signal }) => {
      const body = Promise.withResolvers<ArrayBuffer>();
      signal.addEventListener("abort", () => body.reject(new Error("aborted")));
      return Promise.resolve({ ...HEAD, arrayBuffer: () => body.promise });
    };
    const transport = httpTransport("http://model", { ...OPTIONS, fetch, timers: time });
    const opening = transport.open(new AbortController().signal).catch(String);
    await settled();
    await time.advance(60_000);
    expect(await opening).toContain("a request took more than 60000 ms");
  });
});

/** A `fetch` that never stops listening to its signals; they are remembered, but not held. */
function listening(answer: () => Promise<FetchedResponse>): {
  readonly fetch: Fetch;
  readonly signals: readonly WeakRef<AbortSignal>[];
} {
  const signals: WeakRef<AbortSignal>[] = [];
  const fetch: Fetch = (_url, { signal }) => {
    signals.push(new WeakRef(signal));
    signal.addEventListener("abort", () => signal.reason as unknown);
    return answer();
  };
  return { fetch, signals };
}
