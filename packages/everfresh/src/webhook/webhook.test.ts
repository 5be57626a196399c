import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ManualClock } from "@everfresh/core";
import type { Sleep } from "@everfresh/learn";
import { Webhook as Verifier } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Webhook, type WebhookOptions } from "./webhook.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the receiver answers, one after another; 204 when there is none. */
type Answer = number | { readonly status: number; readonly headers: Record<string, string> };

describe("a webhook", () => {
  const got: Got[] = [];
  let answers: Answer[] = [];
  let server: Server;
  let url = "";
  const dropped: string[] = [];
  const waits: number[] = [];
  /** No time passes, but every wait is noted. */
  const sleep: Sleep = (durationMs, signal) => {
    if (signal?.aborted !== true) waits.push(durationMs);
    return Promise.resolve();
  };

  beforeEach(async () => {
    got.length = 0;
    dropped.length = 0;
    waits.length = 0;
    answers = [];
    server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.on("end", () => {
        got.push({ headers: request.headers, body });
        const answer = answers.shift() ?? 204;
        if (typeof answer === "number") response.writeHead(answer).end();
        else response.writeHead(answer.status, answer.headers).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  });
  afterEach(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );

  const webhookTo = (options: Partial<WebhookOptions> = {}): Webhook =>
    new Webhook({
      ...{ url, secret: SECRET, clock: new ManualClock(Date.now()), sleep, random: () => 0.5 },
      onDropped: ({ id }, reason) => dropped.push(`${id}: ${reason}`),
      ...options,
    });
  const idsOf = (): readonly unknown[] => got.map(({ headers }) => headers["webhook-id"]);
  const verify = ({ headers, body }: Got): unknown =>
    new Verifier(SECRET).verify(body, headers as Record<string, string>);

  it("is signed as the library of Standard Webhooks verifies it, byte for byte", async () => {
    const webhook = webhookTo();
    webhook.send({ id: "msg_1", body: '{"type":"drift.warning","data":"Zürich"}' });
    await webhook.settled();
    const [first] = got;
    expect(verify(first!)).toEqual({ type: "drift.warning", data: "Zürich" });
    expect(first!.headers["content-type"]).toBe("application/json");
    expect(webhook.counts()).toEqual({ waiting: 0, delivered: 1, dropped: 0, failedAttempts: 0 });
    // Neither another body, nor another id, nor another key.
    expect(() => verify({ ...first!, body: first!.body.replace("warning", "drift") })).toThrow();
    const renamed = { ...first!.headers, "webhook-id": "msg_2" };
    expect(() => verify({ ...first!, headers: renamed })).toThrow();
    const other = new Verifier("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    expect(() => other.verify(first!.body, first!.headers as Record<string, string>)).toThrow();
  });

  it("is sent again until it is taken, with waits that double, under the same id", async () => {
    answers = [500, 404, { status: 503, headers: { "retry-after": "60" } }, 302];
    const webhook = webhookTo();
    webhook.send({ id: "msg_1", body: "{}" });
    webhook.send({ id: "msg_2", body: "{}" });
    await webhook.settled();
    expect(idsOf()).toEqual([...Array<string>(5).fill("msg_1"), "msg_2"]);
    expect(got.map(verify)).toHaveLength(6);
    // Half of 1, 2, 4 and 8 seconds, and half of the other half; but as long as was asked for.
    expect(waits).toEqual([750, 1_500, 60_000, 6_000]);
    expect(webhook.counts()).toEqual({ waiting: 0, delivered: 2, dropped: 0, failedAttempts: 4 });
  });

  it("is given up after twelve attempts; the next one is tried", async () => {
    answers = Array<number>(12).fill(500);
    const webhook = webhookTo();
    webhook.send({ id: "msg_1", body: "{}" });
    webhook.send({ id: "msg_2", body: "{}" });
    await webhook.settled();
    expect(dropped).toEqual(["msg_1: status 500"]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(15 * 60_000);
    expect(webhook.counts()).toMatchObject({ delivered: 1, dropped: 1, failedAttempts: 12 });
  });

  it("is never sent again to an endpoint that is gone", async () => {
    answers = [410];
    const webhook = webhookTo();
    webhook.send({ id: "msg_1", body: "{}" });
    await webhook.settled();
    webhook.send({ id: "msg_2", body: "{}" });
    await webhook.settled();
    expect(got).toHaveLength(1);
    expect(dropped).toEqual(["msg_1: status 410", "msg_2: the endpoint is gone"]);
  });

  it("waits in a queue of 64, from which the oldest are given up", async () => {
    const webhook = webhookTo();
    for (let n = 0; n < 70; n++) webhook.send({ id: `msg_${n}`, body: "{}" });
    expect(webhook.counts()).toMatchObject({ waiting: 64, dropped: 6 });
    await webhook.settled();
    // The first one was on its way.
    expect(dropped[0]).toBe("msg_1: more than 64 wait");
    expect(idsOf().slice(0, 2)).toEqual(["msg_0", "msg_7"]);
    expect(got).toHaveLength(64);
  });

  it("has one more attempt at the end, however long it would have waited", async () => {
    answers = [500];
    const hours: Sleep = (_, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) resolve();
        signal?.addEventListener("abort", () => resolve());
      });
    const webhook = webhookTo({ sleep: hours });
    webhook.send({ id: "msg_1", body: "{}" });
    webhook.send({ id: "msg_2", body: "{}" });
    await new Promise((resolve) => server.once("request", resolve));
    await webhook[Symbol.asyncDispose]();
    expect(idsOf()).toEqual(["msg_1", "msg_1", "msg_2"]);
    webhook.send({ id: "msg_3", body: "{}" });
    expect(dropped).toEqual(["msg_3: the run ends"]);
  });

  it("names why nobody could be reached", async () => {
    const nobody = webhookTo({ url: "http://127.0.0.1:1/" });
    nobody.send({ id: "msg_1", body: "{}" });
    await nobody.settled();
    expect(dropped[0]).toMatch(/msg_1: .+/);
  });

  it.each(["", "whsec_", "whsec_short", "whsec_!!!", `whsec_${"A".repeat(100)}`])(
    "refuses the secret %j, and does not repeat it",
    (secret) => {
      expect(() => webhookTo({ secret })).toThrow(/24 to 64 bytes in base64, got something else/);
    },
  );
});
