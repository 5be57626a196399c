import { type Barrier, breakBarrier } from "./barrier.ts";
import type { TrainingRequest, TrainingWorkerSetup, WorkerReport } from "./training-protocol.ts";
import { WorkerThread } from "./worker-thread.ts";

// TypeScript rewrites import paths when it builds, but not this one.
const ENTRY = new URL(
  import.meta.url.endsWith(".ts") ? "./training.worker.ts" : "./training.worker.js",
  import.meta.url,
);

/** The worker threads of one training session: they live, and end, together. */
export class TrainingWorkers {
  readonly #threads: readonly WorkerThread<TrainingRequest, unknown>[];

  readonly #barrier: Barrier;

  private constructor(setup: Omit<TrainingWorkerSetup, "rank">) {
    this.#barrier = setup.memory.barrier;
    // The others wait at a barrier for a worker that is gone: they cannot go on either.
    const onCrash = (error: Error): void => void this.end(error);
    this.#threads = Array.from(
      { length: setup.workers },
      (_, rank) => new WorkerThread(ENTRY, { ...setup, rank }, onCrash),
    );
  }

  /** Starts all workers; resolves when all are ready, and rejects, with none left, when one fails. */
  static async open(
    setup: Omit<TrainingWorkerSetup, "rank">,
  ): Promise<{ workers: TrainingWorkers; report: WorkerReport }> {
    const workers = new TrainingWorkers(setup);
    try {
      const [report] = await Promise.all(workers.#threads.map((thread) => thread.ready()));
      return { workers, report: report as WorkerReport };
    } catch (error) {
      await workers.end();
      throw error;
    }
  }

  get count(): number {
    return this.#threads.length;
  }

  /** One step in all workers; resolves when every one is done, and rejects when one failed. */
  async step(size: number, optimizerStep: number): Promise<void> {
    const answers = await Promise.allSettled(
      this.#threads.map((thread) => thread.call({ kind: "step", size, optimizerStep })),
    );
    for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
  }

  /** Predictions by the worker that has the least to do; `inputs` moves to it. */
  async predict(
    state: SharedArrayBuffer | null,
    inputs: Float32Array<ArrayBuffer>,
    size: number,
  ): Promise<Float32Array> {
    const thread = this.#threads.reduce((least, other) =>
      other.waiting < least.waiting ? other : least,
    );
    const request = { kind: "predict", state, inputs, size } as const;
    return (await thread.call(request, [inputs.buffer])) as Float32Array;
  }

  /** Ends all workers; calls that wait reject with `reason`. */
  async end(reason?: Error): Promise<void> {
    breakBarrier(this.#barrier);
    await Promise.all(this.#threads.map((thread) => thread.end(reason)));
  }
}
