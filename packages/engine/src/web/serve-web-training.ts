import type { LoadRuntime } from "../runtime/runtime.ts";
import type { TrainingWorkerSetup } from "../sessions/training-protocol.ts";
import { TrainingShard } from "../sessions/training-shard.ts";
import { type Answer, serveRequests, type WorkerPort } from "../sessions/worker-loop.ts";
import {
  type MirroredReply,
  type MirroredRequest,
  movesState,
  takePageNews,
  transferOfWorkerNews,
  workerNews,
} from "./training-mirror.ts";

/**
 * The whole life of a training worker in a browser.
 * @param setup whose memory, copied on its way here, is this worker's own
 */
export function serveWebTraining(
  port: WorkerPort,
  setup: TrainingWorkerSetup,
  load: LoadRuntime,
): Promise<void> {
  const { memory } = setup;
  return serveRequests<MirroredRequest>(port, async () => {
    const shard = await TrainingShard.open(setup, load);
    const handler = async ({ request, news }: MirroredRequest): Promise<Answer> => {
      takePageNews(memory, news);
      const { value, transfer = [] } = await shard.answer(request);
      const back = movesState(request) ? workerNews(memory, request.kind, news.state) : null;
      const moved = back === null ? [] : transferOfWorkerNews(back);
      return {
        value: { value, news: back } satisfies MirroredReply,
        transfer: [...transfer, ...moved],
      };
    };
    return { handler, report: shard.report };
  });
}
