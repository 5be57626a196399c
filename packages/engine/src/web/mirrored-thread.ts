import type { Thread } from "../sessions/thread.ts";
import type { TrainingMemory } from "../sessions/training-memory.ts";
import type { TrainingRequest } from "../sessions/training-protocol.ts";
import {
  type MirroredReply,
  type MirroredRequest,
  pageNews,
  takeWorkerNews,
  transferOfPageNews,
} from "./training-mirror.ts";

/** A training worker whose memory is kept equal to the page's by messages. */
export class MirroredThread implements Thread<TrainingRequest> {
  readonly #thread: Thread<MirroredRequest>;
  readonly #memory: TrainingMemory;
  /** Memory of the size of θ that goes to the worker and back; the page's main thread makes no more. */
  #spare: ArrayBuffer | null = null;

  constructor(thread: Thread<MirroredRequest>, memory: TrainingMemory) {
    this.#thread = thread;
    this.#memory = memory;
  }

  get waiting(): number {
    return this.#thread.waiting;
  }

  ready(): Promise<unknown> {
    return this.#thread.ready();
  }

  async call(request: TrainingRequest, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    const news = pageNews(this.#memory, request, this.#spare);
    if (news.state !== null) this.#spare = null;
    const moved = [...transfer, ...transferOfPageNews(news)];
    const reply = (await this.#thread.call({ request, news }, moved)) as MirroredReply;
    if (reply.news !== null) {
      takeWorkerNews(this.#memory, reply.news);
      this.#spare = reply.news.state;
    }
    return reply.value;
  }

  end(reason?: Error): Promise<void> {
    return this.#thread.end(reason);
  }
}
