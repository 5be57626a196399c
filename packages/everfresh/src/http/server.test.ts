import {
  type FeedConnection,
  type FeedSession,
  type HttpFeedAnswer,
  type HttpFeedRequest,
  type ModelStatus,
  VersionNotKeptError,
} from "@everfresh/sync";
import { WebSocket as WsClient } from "ws";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RollbackReport, RollbackRequest } from "../log/roll-back.ts";
import { SampleUnknownError, SourceNotPushedError } from "../errors.ts";
import { exampleDriftView } from "../drift/drift.fixture.ts";
import { STATUS } from "../metrics/status.fixture.ts";
import { type ServedModel, type Server, startServer } from "./server.ts";

const POLLED = ["head", "manifests/log%201/a", "segments/log-1/a/0-16", "anchors/log-1/a/0"];

/** A model whose feed repeats every frame to its sender. */
class EchoModel implements ServedModel {
  readonly name = "digits";
  drift: ServedModel["drift"] = null;
  ready = true;
  current = STATUS;
  closed = 0;

  status(): ModelStatus {
    return this.current;
  }

  readonly samples: ServedModel["samples"] = {
    token: null,
    accept: () => Promise.reject(new SourceNotPushedError("digits", "echo")),
    erase: (id) => Promise.reject(new SampleUnknownError(id)),
    replay: () => Promise.resolve({ replayed: 0, broken: [] }),
  };

  rollBack({ version }: RollbackRequest): Promise<RollbackReport> {
    if (version > 3) {
      return Promise.reject(new VersionNotKeptError(version, { oldest: 1, newest: 3 }));
    }
    const { fingerprint } = STATUS;
    const change = { entries: 2, bytes: 90, excluded: null, optimizer: "reset" } as const;
    return Promise.resolve({ version: 4, rolledBackTo: version, fingerprint, ...change });
  }

  fetch({ path, ifNoneMatch }: HttpFeedRequest): Promise<HttpFeedAnswer> {
    const status = path === "head" && ifNoneMatch === "same" ? 304 : 200;
    const body = new TextEncoder().encode(path);
    return Promise.resolve({ status, headers: { "cache-control": "public" }, body });
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

  it("tells what is seen of drift, records page by page", async () => {
    const { status, records } = exampleDriftView();
    const asked: (number | null)[] = [];
    model.drift = {
      view: () => exampleDriftView(),
      webhook: () => null,
      page: (after) => {
        asked.push(after);
        return { model: "digits", status, records, more: false, webhook: null };
      },
    };
    const page = await get("/v1/models/digits/drift");
    expect(await page.json()).toEqual(model.drift.page(null));
    await get("/v1/models/digits/drift?after=17");
    expect(asked).toEqual([null, null, 17]);
    for (const query of ["after=-1", "after=x", "before=3"]) {
      const refused = await get(`/v1/models/digits/drift?${query}`);
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ error: { code: "EF_REQUEST" } });
    }
  });

  it("says how to watch for drift where nobody does", async () => {
    const response = await get("/v1/models/digits/drift");
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: "EF_DRIFT_NOT_WATCHED" } });
  });

  it("gives its metrics to Prometheus", async () => {
    const response = await get("/metrics");
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await response.text()).toContain('everfresh_version{model="digits"} 3');
  });

  it("streams what is seen of drift beside the status", async () => {
    const view = exampleDriftView();
    const { status, records } = view;
    const page = () => ({ model: "digits", status, records, more: false, webhook: null });
    model.drift = { view: () => view, webhook: () => null, page };
    const { body } = await get("/v1/models/digits/events");
    let text = "";
    for await (const part of body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes("event: drift")) break;
    }
    expect(text).toContain(`event: drift\ndata: ${JSON.stringify(view)}`);
  });

  it.each(["/v1/models/other", "/v1/models/other/events", "/v1/models/other/drift", "/nowhere"])(
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

  it("hands requests of polling replicas over, with their cache headers", async () => {
    for (const path of POLLED) {
      const response = await get(`/v1/models/digits/${path}?x=1`);
      expect(response.headers.get("cache-control")).toBe("public");
      expect(await response.text()).toBe(path);
    }
    const headers = { "if-none-match": "same" };
    const url = new URL("/v1/models/digits/head", server.pageUrl);
    expect((await fetch(url, { headers })).status).toBe(304);
    expect((await get("/v1/models/other/head")).status).toBe(404);
    model.ready = false;
    expect((await get("/v1/models/digits/head")).status).toBe(503);
  });

  it("lets pages of any origin poll, asked beforehand or not, and nothing else", async () => {
    const headers = { origin: "https://shop.example" };
    const ask = (path: string, method: string): Promise<Response> =>
      fetch(new URL(path, server.pageUrl), { method, headers });
    for (const path of POLLED) {
      const url = `/v1/models/digits/${path}`;
      for (const method of ["GET", "HEAD", "OPTIONS"]) {
        const response = await ask(url, method);
        expect([method, response.status]).toEqual([method, method === "OPTIONS" ? 204 : 200]);
        expect(response.headers.get("access-control-allow-origin")).toBe("*");
        expect(response.headers.get("access-control-expose-headers")).toBe("etag");
      }
      const head = await ask(url, "HEAD");
      expect(head.headers.get("content-length")).toBe(String(path.length));
      expect(await head.text()).toBe("");
      const preflight = await ask(url, "OPTIONS");
      expect(preflight.headers.get("access-control-allow-headers")).toBe("if-none-match");
      expect(preflight.headers.get("access-control-allow-methods")).toBe("GET, HEAD");
    }
    for (const path of ["", "v1/models", "v1/models/digits", "v1/models/digits/rollback"]) {
      for (const method of ["GET", "OPTIONS", "POST"]) {
        const response = await ask(path, method);
        expect(response.headers.get("access-control-allow-origin")).toBeNull();
      }
    }
    expect((await ask("v1/models/other/head", "OPTIONS")).status).toBe(404);
  });

  it("lets no cache keep what is of this moment", async () => {
    for (const path of ["v1/models", "v1/models/digits", "healthz", "nowhere"]) {
      expect((await get(path)).headers.get("cache-control")).toBe("no-store");
    }
    expect((await post("{}")).headers.get("cache-control")).toBe("no-store");
    model.ready = false;
    const replaying = await get("v1/models/digits/head");
    expect(replaying.headers.get("cache-control")).toBe("no-store");
    expect(replaying.headers.get("retry-after")).toBe("1");
    const page = await get("/");
    expect(page.headers.get("cache-control")).toMatch(/no-cache|no-store/);
  });

  it("lets only listed pages follow where there is a list", async () => {
    const origins = ["https://shop.example"];
    const listed = await startServer({ host: "127.0.0.1", port: 0, model, origins });
    const allowed = async (origin: string): Promise<unknown> => {
      const url = new URL("/v1/models/digits/head", listed.pageUrl);
      const response = await fetch(url, { headers: { origin } });
      expect(response.headers.get("vary")).toBe("origin");
      const socket = new WsClient(listed.feedUrl, { origin });
      const code = await new Promise((resolve) => {
        socket.on("close", resolve);
        socket.on("open", () => socket.send(Uint8Array.of(7)));
        socket.on("message", () => socket.close(1000));
      });
      return [response.headers.get("access-control-allow-origin"), code];
    };
    expect(await allowed("https://shop.example")).toEqual(["https://shop.example", 1000]);
    expect(await allowed("https://other.example")).toEqual([null, 1008]);
    await listed.close();
  });

  it("ties a WebSocket to the feed, both ways, until it closes", async () => {
    const socket = new WebSocket(server.feedUrl);
    socket.binaryType = "arraybuffer";
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const answer = new Promise<ArrayBuffer>((resolve) =>
      socket.addEventListener("message", ({ data }) => resolve(data as ArrayBuffer)),
    );
    // Long enough for a longer header, both ways.
    const message = Uint8Array.from({ length: 1_000 }, (_, i) => i % 251);
    socket.send(message);
    expect(new Uint8Array(await answer)).toEqual(message);
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

  const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(new URL("/v1/models/digits/rollback", server.pageUrl), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });

  it("brings back a version when asked to", async () => {
    const response = await post('{ "version": 2 }');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ version: 4, rolledBackTo: 2 });
  });

  it.each([
    [404, "EF_VERSION_NOT_KEPT", '{ "version": 9, "excludeSince": true }', {}],
    [400, "EF_REQUEST", '{ "version": "2" }', {}],
    [400, "EF_REQUEST", '{ "version": 2, "force": true }', {}],
    [400, "EF_REQUEST", '{ "version": 2 }', { "content-type": "text/plain" }],
    [403, "EF_FORBIDDEN", '{ "version": 2 }', { origin: "http://elsewhere.example" }],
  ])("refuses a rollback with %i %s: %s %j", async (status, code, body, headers) => {
    const response = await post(body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
  });

  it("says that its port is in use", async () => {
    const { port } = new URL(server.pageUrl);
    await expect(
      startServer({ host: "127.0.0.1", port: Number(port), model }),
    ).rejects.toMatchObject({ code: "EF_PORT_IN_USE" });
  });
});
