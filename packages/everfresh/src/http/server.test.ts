import type { FeedConnection, FeedSession, ModelStatus } from "@everfresh/sync";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ServedModel, type Server, startServer } from "./server.ts";

const STATUS: ModelStatus = {
  name: "digits",
  phase: "training",
  version: 3,
  fingerprint: "0".repeat(32),
  samples: 24,
  steps: 3,
  parameters: 10,
  denseBytes: 40,
  ratio: 0.1,
  triggerSize: 8,
  batchSize: 16,
  replicas: [],
  series: [],
  source: "digits",
  startedAtMs: 0,
  updateBytes: { mean: 1, p50: 1, max: 1, total: 3 },
  stepMs: { p50: 1, p99: 1 },
  updateToReplicaMs: null,
  heldOutAccuracy: null,
};

/** A model whose feed repeats every frame to its sender. */
class EchoModel implements ServedModel {
  readonly name = "digits";
  ready = true;
  current = STATUS;
  closed = 0;

  status(): ModelStatus {
    return this.current;
  }

  connect(connection: FeedConnection): FeedSession {
    return {
      id: "replica-1",
      receive: (frame) => connection.send(frame),
      closed: () => {
        this.closed++;
      },
    };
  }
}

describe("the server", () => {
  let model = new EchoModel();
  let server: Server;
  beforeEach(async () => {
    model = new EchoModel();
    server = await startServer({ host: "127.0.0.1", port: 0, model });
  });
  afterEach(() => server.close());
  const get = (path: string): Promise<Response> => fetch(new URL(path, server.pageUrl));

  it("serves the page under a strict content security policy", async () => {
    const response = await get("/");
    expect(response.headers.get("content-type")).toContain("text/html");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await response.text()).toContain("Everfresh");
  });

  it("lists its model and tells its status", async () => {
    expect(await (await get("/v1/models")).json()).toEqual({ models: [{ name: "digits" }] });
    expect(await (await get("/v1/models/digits")).json()).toEqual(STATUS);
    expect((await get("/healthz")).status).toBe(200);
  });

  it.each(["/v1/models/other", "/v1/models/other/events", "/nowhere"])(
    "answers 404 at %s",
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: "EF_NOT_FOUND" } });
    },
  );

  it("streams the status at once and again when it has changed", async () => {
    const response = await get("/v1/models/digits/events");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe(`event: status\ndata: ${JSON.stringify(STATUS)}\n\n`);
    model.current = { ...STATUS, version: 4 };
    expect((await reader.read()).value).toContain('"version":4');
    await reader.cancel();
  });

  it("ties a WebSocket to the feed, both ways, until it closes", async () => {
    const socket = new WebSocket(server.feedUrl);
    socket.binaryType = "arraybuffer";
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const answer = new Promise<ArrayBuffer>((resolve) =>
      socket.addEventListener("message", ({ data }) => resolve(data as ArrayBuffer)),
    );
    socket.send(Uint8Array.of(1, 2, 3));
    expect([...new Uint8Array(await answer)]).toEqual([1, 2, 3]);
    const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
    socket.close();
    await closed;
    await expect.poll(() => model.closed).toBe(1);
  });

  it.each([
    ["a model that it does not have", (url: string) => `${url}x`, true, 1008],
    ["a model that still replays", (url: string) => url, false, 1013],
  ])("closes the WebSocket of %s with a reason", async (_what, address, ready, code) => {
    model.ready = ready;
    const socket = new WebSocket(address(server.feedUrl));
    const closed = await new Promise<CloseEvent>((resolve) =>
      socket.addEventListener("close", resolve),
    );
    expect(closed.code).toBe(code);
    expect(closed.reason).not.toBe("");
  });

  it("says that its port is in use", async () => {
    const { port } = new URL(server.pageUrl);
    await expect(
      startServer({ host: "127.0.0.1", port: Number(port), model }),
    ).rejects.toMatchObject({ code: "EF_PORT_IN_USE" });
  });
});
