/** Sends samples of handwriting to a model by HTTP, at a pace of its own. */
import { digits } from "@everfresh/streams";
import { machineMs } from "../machine-clock.ts";
import type { FromSender, Sent, ToSender } from "./messages.ts";

/** Different images; they come again under other ids. */
const IMAGES = 2_048;

const RETRY_MS = 250;

const SAY_EVERY_MS = 20_000;

interface Accepted {
  readonly accepted: number;
  readonly duplicates: number;
  readonly quarantined: number;
}

async function drawn(): Promise<readonly string[]> {
  const rows: string[] = [];
  for await (const { features, label } of digits({ seed: 5, size: IMAGES }).read()) {
    const bytes = Buffer.from(features.buffer, features.byteOffset, features.byteLength);
    rows.push(`"features":"${bytes.toString("base64")}","label":${label}}`);
  }
  return rows;
}

async function sendAll(order: ToSender, rows: readonly string[]): Promise<Sent> {
  const { model, perSecond, seconds, batch } = order;
  const total = Math.round((perSecond * seconds) / batch);
  const sums = { accepted: 0, duplicates: 0, quarantined: 0, refused: 0 };
  const answerMs: number[] = [];
  let lateMsMax = 0;
  const startMs = machineMs();
  for (let request = 0; request < total; request++) {
    const dueMs = startMs + (request * batch * 1_000) / perSecond;
    const earlyMs = dueMs - machineMs();
    if (earlyMs > 0) await new Promise((resolve) => setTimeout(resolve, earlyMs));
    lateMsMax = Math.max(lateMsMax, machineMs() - dueMs);
    const lines = Array.from({ length: batch }, (_, i) => {
      const number = request * batch + i;
      return `{"id":"s${number}","at":${Date.now()},${rows[number % rows.length] ?? ""}`;
    });
    for (;;) {
      const sentMs = machineMs();
      const response = await fetch(`${model}/samples`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: lines.join("\n"),
      });
      const answer = (await response.json()) as Accepted;
      if (response.status === 202) {
        answerMs.push(machineMs() - sentMs);
        for (const key of ["accepted", "duplicates", "quarantined"] as const) {
          sums[key] += answer[key];
        }
        break;
      }
      if (response.status !== 429) throw new Error(`status ${response.status}`);
      sums.refused++;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  const samples = total * batch;
  return { samples, seconds: (machineMs() - startMs) / 1_000, ...sums, lateMsMax, answerMs };
}

const say = (message: FromSender): void => void process.send?.(message);
const rows = await drawn();
process.on("message", (order: ToSender) => {
  const timer = setInterval(() => say({ kind: "sending" }), SAY_EVERY_MS);
  void sendAll(order, rows).then((sent) => {
    clearInterval(timer);
    say({ kind: "sent", ...sent });
  });
});
say({ kind: "ready" });
