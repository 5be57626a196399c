import { fromTransferred } from "./error-transfer.ts";
import type { WorkerReply } from "./thread.ts";

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The calls to a worker that it has not answered yet, in their order. */
export class PendingCalls {
  readonly #pending: Pending[] = [];
  #failure: Error | null = null;

  get count(): number {
    return this.#pending.length;
  }

  /** Why no call can succeed any more; null while calls can. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Waits for the next answer that nobody waits for yet. */
  add(): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
    });
  }

  /** Answers the oldest call. */
  settle(reply: WorkerReply): void {
    const pending = this.#pending.shift();
    if (reply.kind === "reply") pending?.resolve(reply.value);
    else pending?.reject(fromTransferred(reply.error));
  }

  /** Rejects all calls, now and later, with the reason of the first call of this. */
  fail(reason: Error): void {
    this.#failure ??= reason;
    for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
  }
}
