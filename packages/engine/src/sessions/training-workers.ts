import { assert, type MoveKernel, type StateMovers } from "@everfresh/core";
import type { TrainingStep } from "../autodiff/training-step.ts";
import { type Barrier, breakBarrier } from "./barrier.ts";
import type { BatchMoments } from "./batch-moments.ts";
import type { NonFinitePlace } from "./non-finite.ts";
import type { SelfTestReport } from "./self-test.ts";
import type { StartThread, Thread } from "./thread.ts";
import type {
  BatchPart,
  TrainingRequest,
  TrainingWorkerSetup,
  WorkerReport,
} from "./training-protocol.ts";

type Request<K extends TrainingRequest["kind"]> = Extract<TrainingRequest, { kind: K }>;

/** Starts a training worker, of whatever kind of thread. */
export type StartTrainingThread = StartThread<TrainingWorkerSetup, TrainingRequest>;

type DiagnoseRequest = Omit<Request<"diagnose">, "kind">;

/** The worker threads of one training session: they live, and end, together. */
export class TrainingWorkers {
  /** The workers as those who move θ; null where kernels do not see it. */
  readonly movers: StateMovers | null;
  readonly #threads: readonly Thread<TrainingRequest>[];

  readonly #barrier: Barrier;

  private constructor(setup: Omit<TrainingWorkerSetup, "rank">, start: StartTrainingThread) {
    this.#barrier = setup.memory.barrier;
    // The others wait at a barrier for a worker that is gone: they cannot go on either.
    const onCrash = (error: Error): void => void this.end(error);
    this.#threads = Array.from({ length: setup.workers }, (_, rank) =>
      start({ ...setup, rank }, onCrash),
    );
    const { stateMemory, kernels } = setup.memory;
    const isSeen = stateMemory !== null && kernels !== null;
    const movers = { count: setup.workers, watch: (kernel: MoveKernel) => this.#watch(kernel) };
    this.movers = isSeen ? movers : null;
  }

  /** Starts all workers; resolves when all are ready, and rejects, with none left, when one fails. */
  static async open(
    setup: Omit<TrainingWorkerSetup, "rank">,
    start: StartTrainingThread,
  ): Promise<{ workers: TrainingWorkers; report: WorkerReport }> {
    const workers = new TrainingWorkers(setup, start);
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

  /** One step, or its gradient, in all workers; resolves when every one is done, and rejects when one failed. */
  async compute(
    kind: "step" | "gradient",
    parts: readonly BatchPart[],
    optimizerStep: number,
  ): Promise<void> {
    const answers = await Promise.allSettled(
      this.#threads.map((thread, rank) => {
        const part = parts[rank];
        assert(part !== undefined, "every worker has a part");
        return thread.call({ kind, part, optimizerStep });
      }),
    );
    for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
  }

  /** Tells all workers that θ and the optimizer's vectors were replaced. */
  async restored(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.call({ kind: "restored" })));
  }

  /** Predictions by the worker that has the least to do; `inputs` moves to it. */
  async predict(
    state: ArrayBufferLike | null,
    inputs: Float32Array<ArrayBuffer>,
    size: number,
  ): Promise<Float32Array> {
    const request = { kind: "predict", state, inputs, size } as const;
    return (await this.#leastBusy().call(request, [inputs.buffer])) as Float32Array;
  }

  /** Gradients with respect to inputs, by the worker that has the least to do. */
  async inputGradients(request: Omit<Request<"inputGradients">, "kind">): Promise<Float32Array> {
    const answer = await this.#leastBusy().call({ kind: "inputGradients", ...request });
    return answer as Float32Array;
  }

  /** Statistics of some samples, by the worker that has the least to do; `inputs` moves to it. */
  async moments(request: Omit<Request<"moments">, "kind">): Promise<BatchMoments> {
    const { buffer } = request.inputs;
    const answer = await this.#leastBusy().call({ kind: "moments", ...request }, [buffer]);
    return answer as BatchMoments;
  }

  /** Where a number first went wrong in the last step; see the request. */
  async diagnose(rank: number, request: DiagnoseRequest): Promise<NonFinitePlace | null> {
    const answer = await this.#threads[rank]?.call({ kind: "diagnose", ...request });
    return (answer ?? null) as NonFinitePlace | null;
  }

  /** Compares two formulations of a step, in one worker; null is the program's own. */
  async selfTest(candidate: TrainingStep | null, reference: TrainingStep): Promise<SelfTestReport> {
    const request = { kind: "selfTest", candidate, reference } as const;
    return (await this.#leastBusy().call(request)) as SelfTestReport;
  }

  /** Ends all workers; calls that wait reject with `reason`. */
  async end(reason?: Error): Promise<void> {
    breakBarrier(this.#barrier);
    await Promise.all(this.#threads.map((thread) => thread.end(reason)));
  }

  #watch(kernel: MoveKernel): void {
    for (const thread of this.#threads) {
      // A worker that is gone says so at the next step.
      thread.call({ kind: "watch", kernel }).catch(() => undefined);
    }
  }

  #leastBusy(): Thread<TrainingRequest> {
    return this.#threads.reduce((least, other) => (other.waiting < least.waiting ? other : least));
  }
}
