/** Points that are sent to a run, with labels that follow, and the run as who sends them sees it. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type ClassPrediction, connect } from "@everfresh/client";
import type { DriftPage, LabelStatus, ModelStatus } from "@everfresh/sync";
import { expect } from "vitest";
import { type Program, start } from "./program.ts";

const EVERFRESH = path.resolve(import.meta.dirname, "../../packages/everfresh/src/index.ts");
export const PENDING_MAX = 60;

/** The class follows from the point; those from number 24 on lie elsewhere. */
export function pointOf(number: number): readonly [number, number] {
  const [x, y] = [((number * 37) % 23) / 11 - 1, ((number * 53) % 29) / 14 - 1];
  return number < 24 ? [x, y] : [x + 6, y];
}
export const idOf = (number: number): string => `point-${number}`;
export const classOf = (number: number): number => (pointOf(number)[1] > 0 ? 1 : 0);
export const labelOf = (number: number): "low" | "high" => (classOf(number) === 1 ? "high" : "low");
export const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

export function writeConfig(
  folder: string,
  source = `push({ schema, labelsFollow: true, pendingMax: ${PENDING_MAX} })`,
): void {
  writeFileSync(
    path.join(folder, "everfresh.config.ts"),
    `import { adam, classes, defineModel, mlp, natsStream, numeric, proactive, push, sparse }
       from ${JSON.stringify(EVERFRESH)};
     const schema = { features: { dtype: "float32", shape: [2] }, classes: ["low", "high"] };
     export default defineModel({ name: "points", input: numeric(2), target: classes(2),
       model: ({ seed }) => mlp({ inputs: 2, hidden: [8], outputs: 2, seed }),
       source: ${source},
       strategy: proactive({ triggerSize: 8, batchSize: 16 }),
       optimizer: adam({ learningRate: 2e-2 }), deploy: sparse({ ratio: 0.5 }),
       drift: { signals: [{ name: "feature distance", input: "features", detector: {
         kind: "twoSample", statistic: "ks", referenceSamples: 24, recentSamples: 10,
         everySamples: 4, resamples: 300, falseAlarmEvery: 1_000 } }] } });`,
  );
}

/** What a batch became. */
interface Receipt {
  readonly accepted: number;
  readonly duplicates: number;
  readonly joined: number;
  readonly early: number;
  readonly unused: number;
}

/** The run of a folder, as somebody sees it who sends it samples. */
export class Run {
  readonly trainer: Program;
  readonly #model: string;
  readonly feed: string;

  private constructor(trainer: Program, address: string) {
    this.trainer = trainer;
    this.#model = `http${address}`;
    this.feed = `ws${address}`;
  }

  static async start(folder: string): Promise<Run> {
    const state = path.join(folder, "state");
    const args = ["run", "--port", "0", "--state", state, "--seed", "1", "--json"];
    const trainer = start(args, folder);
    const [, address = ""] = await trainer.shows(/ws(:\/\/\S+\/v1\/models\/points)/);
    const run = new Run(trainer, address);
    // From then on it takes in what comes.
    const isOpen = async (): Promise<boolean> => (await run.status()).strategy.labels !== null;
    await expect.poll(isOpen, { timeout: 30_000, interval: 50 }).toBe(true);
    return run;
  }

  async status(): Promise<ModelStatus> {
    return (await (await fetch(this.#model)).json()) as ModelStatus;
  }

  async labels(): Promise<LabelStatus> {
    const { labels } = (await this.status()).strategy;
    if (labels === null) throw new Error("labels come along");
    return labels;
  }

  async drift(): Promise<DriftPage["status"]> {
    const page = await fetch(`${this.#model}/drift`);
    return ((await page.json()) as DriftPage).status;
  }

  async metrics(): Promise<string> {
    return (await fetch(new URL("/metrics", this.#model))).text();
  }

  /** Sends samples without labels, and waits until all that wait are so many. */
  async samples(numbers: readonly number[], pending: number): Promise<Receipt> {
    const samples = numbers.map((n) => ({ id: idOf(n), features: pointOf(n) }));
    const receipt = await this.post({ samples });
    await expect
      .poll(async () => (await this.labels()).pending, { timeout: 30_000, interval: 50 })
      .toBe(pending);
    return receipt;
  }

  labelled(numbers: readonly number[], label = labelOf): Promise<Receipt> {
    return this.post({ labels: numbers.map((n) => ({ id: idOf(n), label: label(n) })) });
  }

  /** Sends samples and labels together. */
  async send(samples: readonly number[], labels: readonly number[]): Promise<Receipt> {
    return this.post({
      samples: samples.map((n) => ({ id: idOf(n), features: pointOf(n) })),
      labels: labels.map((n) => ({ id: idOf(n), label: labelOf(n) })),
    });
  }

  erase(number: number): Promise<Response> {
    return fetch(`${this.#model}/samples/${idOf(number)}`, { method: "DELETE" });
  }

  /** What a replica answers now. */
  async answers(numbers: readonly number[]): Promise<readonly ClassPrediction[]> {
    await using client = await connect(this.feed);
    return await client.predictBatch(numbers.map((n) => Float32Array.from(pointOf(n))));
  }

  /** Sends a batch as it is. */
  async post(batch: object): Promise<Receipt> {
    const response = await fetch(`${this.#model}/samples`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(batch),
    });
    expect(response.status, await response.clone().text()).toBe(202);
    return (await response.json()) as Receipt;
  }
}

export const tested = (run: Run, count: number): Promise<void> =>
  expect
    .poll(async () => (await run.status()).strategy.intake.tested, {
      ...{ timeout: 30_000, interval: 50 },
    })
    .toBe(count);

/** Ends it as Ctrl-C does; what it said meanwhile. */
export async function end(run: Run): Promise<string> {
  run.trainer.child.kill("SIGINT");
  const { status, stderr } = await run.trainer.ended;
  expect(status, stderr).toBe(0);
  return stderr;
}
