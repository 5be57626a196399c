import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { InboxFullError, type PushBatch, QuarantineFullError } from "@everfresh/streams";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SampleUnknownError } from "../errors.ts";
import type { ReplayReport, RowsToReplay } from "../samples/replay-rows.ts";
import { addSamplesRoutes, type ServedSamples } from "./samples-route.ts";

const RECEIPT = {
  ...{ accepted: 1, duplicates: 0, quarantined: 0, joined: 0, early: 0, unused: 0 },
  ...{ reasons: [], count: 1 },
};
const TOKEN = "a-token-of-many-characters";
const JSON_TYPE = { "content-type": "application/json" };
const LINES_TYPE = { "content-type": "application/x-ndjson" };

class Recorder implements ServedSamples {
  token: string | null = null;
  readonly batches: PushBatch[] = [];
  failure: Error | null = null;
  replayed: RowsToReplay | null = null;

  accept(batch: PushBatch): Promise<typeof RECEIPT> {
    this.batches.push(batch);
    return this.failure === null ? Promise.resolve(RECEIPT) : Promise.reject(this.failure);
  }

  erase(id: string): ReturnType<ServedSamples["erase"]> {
    if (id !== "a/b") return Promise.reject(new SampleUnknownError(id));
    const found = { position: 3, labels: false, inbox: true, quarantined: 0, learned: null };
    return Promise.resolve({ id, erased: true, ...found });
  }

  replay(rows: RowsToReplay): Promise<ReplayReport> {
    this.replayed = rows;
    return Promise.resolve({ replayed: 1, broken: [] });
  }
}

describe("samples by HTTP", () => {
  let app: FastifyInstance;
  let samples: Recorder;
  let base = "";
  beforeEach(async () => {
    app = Fastify();
    samples = new Recorder();
    addSamplesRoutes(app, { name: "loads", samples }, "*");
    base = `${await app.listen({ host: "127.0.0.1", port: 0 })}/v1/models/loads`;
  });
  afterEach(() => app.close());
  const post = (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = JSON_TYPE,
  ): Promise<Response> => fetch(`${base}/samples`, { method: "POST", headers, body });
  const codeOf = async (response: Response): Promise<unknown> =>
    ((await response.json()) as { readonly error: { readonly code: string } }).error.code;

  it("are taken from JSON, and from lines as they came, packed or not", async () => {
    const batch = { samples: [{ id: "a", x: 1 }], labels: [{ id: "b", y: "up" }] };
    const response = await post(JSON.stringify(batch));
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual(RECEIPT);
    const lines = new Uint8Array([0x7b, 0xff, 0x7d, 13, 10, 10, 0x7b, 0x7d]);
    expect((await post(lines, LINES_TYPE)).status).toBe(202);
    const gzip = { ...LINES_TYPE, "content-encoding": "gzip", "everfresh-kind": "label" };
    expect((await post(new Uint8Array(gzipSync("{}\n")), gzip)).status).toBe(202);
    const rows = [Buffer.of(0x7b, 0xff, 0x7d), Buffer.of(0x7b, 0x7d)];
    expect(samples.batches).toEqual([batch, { samples: rows }, { labels: [Buffer.from("{}")] }]);
  });

  it("are refused whole when the body is not as it should be", async () => {
    const refused = [
      await post("{", JSON_TYPE),
      await post('{"sample": []}', JSON_TYPE),
      await post('{"samples": [1]}', JSON_TYPE),
      await post(Uint8Array.of(0x22, 0xff, 0x22), JSON_TYPE),
      await post("{}", { "content-type": "text/plain" }),
      await post("{}", { ...LINES_TYPE, "content-encoding": "br" }),
      await post(new Uint8Array(gzipSync("{}\n{}\n").subarray(0, -9)), {
        ...{ ...LINES_TYPE, "content-encoding": "gzip" },
      }),
    ];
    for (const response of refused) {
      expect(response.status).toBe(400);
      expect(await codeOf(response)).toBe("EF_REQUEST");
    }
    expect(samples.batches).toEqual([]);
  });

  it("say when to come again, and what there is no room for", async () => {
    samples.failure = new InboxFullError("push", 10, 10);
    const full = await post("{}");
    expect([full.status, full.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(await codeOf(full)).toBe("EF_INBOX_FULL");
    samples.failure = new QuarantineFullError(1, 1);
    expect((await post("{}")).status).toBe(507);
    samples.failure = null;
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(33 * 2 ** 20)));
    const tooLarge = await post(bomb, { ...LINES_TYPE, "content-encoding": "gzip" });
    expect([tooLarge.status, await codeOf(tooLarge)]).toEqual([413, "EF_REQUEST_TOO_LARGE"]);
    expect((await post("{}")).status).toBe(202);
  });

  it("are for who knows the token, and for programs and own pages of this machine", async () => {
    expect((await post("{}", { ...JSON_TYPE, origin: "https://evil.example" })).status).toBe(403);
    expect((await post("{}", { ...JSON_TYPE, origin: new URL(base).origin })).status).toBe(202);
    samples.token = TOKEN;
    const wrong = await post("{}", { ...JSON_TYPE, authorization: "Bearer another" });
    expect([wrong.status, wrong.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    const right = { ...JSON_TYPE, authorization: `Bearer ${TOKEN}`, origin: "https://else.where" };
    expect((await post("{}", right)).status).toBe(202);
    const other = base.replace("loads", "others");
    expect((await fetch(`${other}/samples`, { method: "POST" })).status).toBe(404);
  });

  it("are erased, and rows of the quarantine replayed", async () => {
    const erased = await fetch(`${base}/samples/a%2Fb`, { method: "DELETE" });
    expect(await erased.json()).toMatchObject({ id: "a/b", position: 3 });
    const unknown = await fetch(`${base}/samples/c`, { method: "DELETE" });
    expect([unknown.status, await codeOf(unknown)]).toEqual([404, "EF_SAMPLE_UNKNOWN"]);
    const replay = (body: unknown): Promise<Response> =>
      fetch(`${base}/quarantine/replay`, {
        ...{ method: "POST", headers: JSON_TYPE, body: JSON.stringify(body) },
      });
    const rows = [{ number: 3, row: { id: 1 } }, { number: 4 }];
    expect(await (await replay({ rows })).json()).toEqual({ replayed: 1, broken: [] });
    expect(samples.replayed).toEqual(rows);
    expect((await replay({ rows: [{ number: 0 }] })).status).toBe(400);
  });

  it("are not taken of a connection that was cut", async () => {
    const { hostname, port } = new URL(base);
    const socket = connect(Number(port), hostname);
    const head = "Host: a\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100";
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(`POST /v1/models/loads/samples HTTP/1.1\r\n${head}\r\n\r\n{}\n`);
    await new Promise<void>((resolve) => {
      app.server.getConnections(() => resolve());
    });
    socket.destroy();
    await closed;
    expect((await post("{}")).status).toBe(202);
    expect(samples.batches).toHaveLength(1);
  });
});
