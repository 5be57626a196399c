import type { Answer } from "../sessions/worker-loop.ts";
import { SessionClosedError } from "../errors.ts";
import type { Thread } from "../sessions/thread.ts";

/** What answers the requests to a {@link LocalThread}. */
export interface LocalHandler<Request> {
  /** What is said when it is ready. */
  readonly report: unknown;
  answer(request: Request): Promise<Answer>;
  /** Frees what it holds. */
  close(): Promise<void>;
}

/** No thread at all: answers requests where they are made, strictly one after another. */
export class LocalThread<Request> implements Thread<Request> {
  readonly #opened: Promise<LocalHandler<Request>>;
  #last: Promise<unknown>;
  #waiting = 0;
  #ended: Error | null = null;

  constructor(open: () => Promise<LocalHandler<Request>>) {
    this.#opened = open();
    this.#last = this.#opened.catch(() => undefined);
  }

  get waiting(): number {
    return this.#waiting;
  }

  async ready(): Promise<unknown> {
    return (await this.#opened).report;
  }

  async call(request: Request): Promise<unknown> {
    if (this.#ended !== null) throw this.#ended;
    this.#waiting++;
    const answer = this.#last.then(async () => {
      if (this.#ended !== null) throw this.#ended;
      return (await this.#opened).answer(request);
    });
    this.#last = answer.catch(() => undefined);
    try {
      return (await answer).value;
    } finally {
      this.#waiting--;
    }
  }

  /** Calls that wait reject once the one that runs is answered: nothing can interrupt that here. */
  async end(reason: Error = new SessionClosedError()): Promise<void> {
    this.#ended ??= reason;
    await this.#last;
    const opened = await this.#opened.catch(() => null);
    await opened?.close();
  }
}
