import { Random, stateLayout, systemClock } from "@everfresh/core";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";

import { TransportError } from "../../errors.ts";
import { Feed } from "../../feed/feed.ts";
import { Publisher, randomState, SMALL_LAYOUT, smallManifest } from "../../publisher.fixture.ts";
import { DeployedRuntime } from "../../replica/deployed-runtime.fixture.ts";
import { openReplica } from "../../replica/open-replica.ts";
import { describeOpening } from "../opening.conformance.ts";
import { describeFollowing, type FeedServer } from "../following.conformance.ts";
import { HttpFeed } from "./http-feed.ts";
import type { Fetch } from "./http-requests.ts";
import { httpTransport } from "./http-transport.ts";

const OPTIONS = { pollMs: 5, pollMsMax: 10, random: new Random(1) };
const never = new AbortController().signal;

/** Large enough that updates are always fewer bytes than another anchor. */
const LARGE_LAYOUT = stateLayout([
  { name: "weight", role: "parameter", dtype: "float32", shape: [500, 20] },
  { name: "bias", role: "parameter", dtype: "float32", shape: [10] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [5] },
  { name: "count", role: "buffer", dtype: "int64", shape: [] },
]);

describeFollowing("HTTP", () => openServer());

describeOpening("HTTP", async () => {
  const server = await openServer();
  const { deployed } = new Publisher(new Random(1));
  server.serve(new Feed({ manifest: smallManifest(), deployed, clock: systemClock }));
  return server;
});

describe("httpTransport", () => {
  it("asks for nothing but a head that has not changed, less and less often", async () => {
    const { asked, fetch, feed } = world();
    const transport = httpTransport("http://model/", { ...OPTIONS, fetch });
    await using replica = await openReplica({
      transport,
      runtime: new DeployedRuntime(),
      clock: systemClock,
      random: new Random(1),
    });
    const before = asked.length;
    await expect.poll(() => asked.length).toBeGreaterThan(before + 5);
    const idle = asked.slice(before);
    expect(new Set(idle)).toEqual(new Set(["head 304"]));
    expect(replica.status().phase).toBe("live");
    feed[Symbol.dispose]();
  });

  it("is not led back by a cache that is behind, over a new connection either", async () => {
    const { asked, fetch, feed, publish } = world();
    let old: Awaited<ReturnType<Fetch>> | null = null;
    let mode: "live" | "cut" | "behind" = "live";
    const cached: Fetch = async (url, init) => {
      if (mode === "cut") throw new Error("cut");
      if (mode === "behind" && url.endsWith("/head") && old !== null) {
        mode = "live";
        return old;
      }
      return fetch(url, init);
    };
    const transport = httpTransport("http://model", { ...OPTIONS, fetch: cached });
    const runtime = new DeployedRuntime();
    await using replica = await openReplica({
      ...{ transport, runtime, clock: systemClock, random: new Random(1) },
      limits: { backoff: { baseMs: 5, capMs: 10 } },
    });
    old = await fetch("http://model/head", { headers: {}, signal: never });
    publish(3);
    await expect.poll(() => replica.status().version, { interval: 2 }).toBe(3);
    mode = "cut";
    await expect.poll(() => replica.status().phase, { interval: 2 }).toBe("connecting");
    publish(1);
    asked.length = 0;
    mode = "behind";
    await expect.poll(() => replica.status().version, { interval: 2 }).toBe(4);
    expect(replica.status().snapshots).toBe(1);
    expect(asked.filter((request) => !request.startsWith("head"))).toEqual([
      expect.stringMatching(/^segments\/log-1\/[0-9a-f]{8}\/3-4 200$/),
    ]);
    feed[Symbol.dispose]();
  });

  it.each([
    ["goes on by single updates where its version lies inside of a merged segment", 100, 1],
    ["begins anew from an older anchor where single updates of its time are gone", 400, 2],
  ])("%s", async (_, missed, snapshots) => {
    const { fetch, feed, publish, settled } = world(LARGE_LAYOUT);
    let isCut = false;
    const line: Fetch = (url, init) =>
      isCut ? Promise.reject(new Error("cut")) : fetch(url, init);
    const runtime = new DeployedRuntime();
    await using replica = await openReplica({
      transport: httpTransport("http://model", { ...OPTIONS, fetch: line }),
      ...{ runtime, clock: systemClock, random: new Random(1) },
      limits: { backoff: { baseMs: 5, capMs: 10 } },
    });
    publish(21);
    await expect.poll(() => replica.status().version, { interval: 2 }).toBe(21);
    isCut = true;
    await expect.poll(() => replica.status().phase, { interval: 2 }).toBe("connecting");
    for (let i = 0; i < missed; i++) {
      publish(1);
      await settled();
    }
    isCut = false;
    await expect.poll(() => replica.status().version, { interval: 2 }).toBe(21 + missed);
    expect(replica.status()).toMatchObject({ snapshots, rejected: 0 });
    feed[Symbol.dispose]();
  });

  it("rejects with the signal's reason, before and while it asks", async () => {
    const reason = new Error("no longer needed");
    const { fetch } = world();
    const transport = httpTransport("http://model", { ...OPTIONS, fetch });
    await expect(transport.open(AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const mute: Fetch = (_url, { signal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(new Error("aborted"))),
      );
    const opening = httpTransport("http://model", { ...OPTIONS, fetch: mute });
    const open = opening.open(controller.signal);
    controller.abort(reason);
    await expect(open).rejects.toBe(reason);
  });

  it.each([
    ["an error", 500, "answered 500"],
    ["no model", 404, "answered 404"],
    ["something else", 200, "head"],
  ])("names a server with %s", async (_, status, text) => {
    const fetch: Fetch = () =>
      Promise.resolve(new Response(status === 200 ? "<html>" : null, { status }));
    const opening = httpTransport("http://model", { ...OPTIONS, fetch }).open(never);
    await expect(opening).rejects.toThrow(text);
    if (status !== 200) await expect(opening).rejects.toThrow(TransportError);
  });
});

/** A feed behind requests that are counted. */
function world(layout = SMALL_LAYOUT): {
  readonly asked: string[];
  readonly fetch: Fetch;
  readonly feed: Feed;
  readonly publish: (count: number) => void;
  /** Resolves once what was published can be fetched. */
  readonly settled: () => Promise<void>;
} {
  const publisher = new Publisher(new Random(1), randomState(new Random(1), 0, layout));
  const { deployed } = publisher;
  const manifest = { ...smallManifest(), layout };
  const feed = new Feed({ manifest, deployed, clock: systemClock });
  const http = new HttpFeed(feed);
  const asked: string[] = [];
  const fetch: Fetch = async (url, { headers }) => {
    const path = url.replace("http://model/", "");
    const ifNoneMatch = headers["if-none-match"] ?? null;
    const answer = await http.answer({ path, ifNoneMatch });
    asked.push(`${path} ${answer.status}`);
    const body = answer.status === 304 ? null : new Uint8Array(answer.body);
    return new Response(body, { status: answer.status, headers: answer.headers });
  };
  const publish = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const { update, bytes } = publisher.next();
      feed.publish(update, bytes);
    }
  };
  return { asked, fetch, feed, publish, settled: () => http.settled() };
}

async function openServer(): Promise<FeedServer> {
  let current: HttpFeed | null = null;
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (current === null) {
      request.socket.destroy();
      return;
    }
    const path = (request.url ?? "").slice(1);
    const ifNoneMatch = request.headers["if-none-match"] ?? null;
    const { status, headers, body } = await current.answer({ path, ifNoneMatch });
    response.writeHead(status, headers).end(body);
  };
  const server = createServer((request, response) => void respond(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  const unreachable = urlOf(gone.address());
  await new Promise((resolve) => gone.close(resolve));
  const stop = (): void => {
    current?.[Symbol.dispose]();
    current = null;
    server.closeAllConnections();
  };
  const kept = new Map<Feed, HttpFeed>();
  return {
    transport: httpTransport(urlOf(server.address()), OPTIONS),
    unreachable: httpTransport(unreachable, OPTIONS),
    serve: (feed) => {
      const known = kept.get(feed) ?? new HttpFeed(feed);
      kept.set(feed, known);
      current = known;
    },
    stop: () => {
      current = null;
      server.closeAllConnections();
    },
    async [Symbol.asyncDispose]() {
      stop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function urlOf(address: AddressInfo | string | null): string {
  return `http://127.0.0.1:${(address as AddressInfo).port}`;
}
