/** A stream that changes, seen as its users see it: verdict, webhook, explanation, metrics, replica. */
import { writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { DriftPage } from "@everfresh/sync";
import { Webhook as Verifier } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run, start, temporaryFolder } from "./program.ts";

const EVERFRESH = path.resolve(import.meta.dirname, "../../packages/everfresh/src/index.ts");
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const LAG = 60;
const TURNED_FROM = 900;
/** Enough for labels to settle what was seen without them. */
const STEPS = 200;

interface Message {
  readonly type: string;
  readonly data: { readonly model: string; readonly record: { readonly id: number } };
}

const messages: Message[] = [];
let receiver: Server;
let url = "";

beforeAll(async () => {
  const verifier = new Verifier(SECRET);
  receiver = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => (body += part));
    request.on("end", () => {
      messages.push(verifier.verify(body, asHeaders(request.headers)) as Message);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
});
afterAll(() => receiver.close());

const asHeaders = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** A small network on digits that are turned from a sample on, with labels that come late. */
function turnedDigits(folder: string): string {
  const file = path.join(folder, "everfresh.config.ts");
  writeFileSync(
    file,
    `import { adam, classes, defineModel, digits, lateLabels, mlp, numeric, proactive, rotated, sparse }
       from ${JSON.stringify(EVERFRESH)};
     export default defineModel({ name: "turned", input: numeric(784), target: classes(10),
       model: ({ seed }) => mlp({ inputs: 784, hidden: [16], outputs: 10, seed }),
       source: rotated(digits({ seed: 2 }), { fromSample: ${TURNED_FROM}, degrees: 90 }),
       labels: lateLabels({ lagSamples: ${LAG} }), strategy: proactive({ batchSize: 32 }),
       optimizer: adam(), deploy: sparse({ ratio: 0.02 }),
       drift: { webhook: { url: ${JSON.stringify(url)}, secret: ${JSON.stringify(SECRET)} } } });`,
  );
  return file;
}

it("is seen, told, explained and counted, and replicas follow what is done about it", async () => {
  using folder = temporaryFolder();
  const config = turnedDigits(folder.path);
  const place = ["--config", config, "--state", path.join(folder.path, "state")];
  const trainer = start(["run", ...place, "--seed", "3", "--port", "0"]);
  const [, feed = ""] = await trainer.shows(/(ws:\/\/\S+)/);
  const replica = start(["replica", feed, "--steps", String(STEPS), "--json"]);
  const model = feed.replace("ws:", "http:");
  const pageNow = async (): Promise<DriftPage> =>
    (await (await fetch(`${model}/drift`)).json()) as DriftPage;

  // Whoever looks sees it, long before labels have come.
  await trainer.shows(/^drift Drift: /m);
  const seen = (await pageNow()).records.find(({ verdict }) => verdict === "drift");
  expect(seen?.at.sequence).toBeGreaterThan(TURNED_FROM);
  expect(seen?.at.sequence).toBeLessThan(TURNED_FROM + 300);

  const metrics = await (await fetch(new URL("/metrics", model))).text();
  expect(metrics).toMatch(/everfresh_drift_records_total\{model="turned"\} [1-9]/);
  expect(metrics).toMatch(/everfresh_labels_joined_total\{model="turned"\} [1-9]/);

  const followed = JSON.parse((await replica.ended).stdout) as { version: number };
  expect(followed.version).toBeGreaterThanOrEqual(STEPS);
  trainer.child.kill("SIGINT");
  expect((await trainer.ended).status).toBe(0);

  // Signed messages, each once: the receiver has thrown at any that was not.
  expect(messages.map(({ data }) => data.model)).toEqual(messages.map(() => "turned"));
  const told = messages.filter(({ type }) => type === "drift.detected");
  expect(told.map(({ data }) => data.record.id)).toContain(seen?.id);

  // And the stopped run still says so.
  const { status, stdout } = await run(["drift", "explain", String(seen?.id), "--json", ...place]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ live: false, record: { id: seen?.id } });
});
