import type { HttpFeedAnswer, HttpFeedRequest } from "@everfresh/sync";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** A model that can be followed by plain HTTP requests. */
export interface PolledModel {
  readonly name: string;
  /** Whether there is something to fetch; false while a restart replays. */
  readonly ready: boolean;
  /** Answers a request for the head, a manifest, a segment or an anchor. */
  fetch(request: HttpFeedRequest): Promise<HttpFeedAnswer>;
}

const RETRY_AFTER_SECONDS = "1";

/**
 * Adds what replicas fetch that poll, and the caches between: `head`, which changes, and immutable
 * manifests, segments and anchors.
 */
export function addSegmentRoutes(app: FastifyInstance, model: PolledModel): void {
  const answer = async (
    { params, raw, headers }: FastifyRequest<{ Params: { name: string } }>,
    reply: FastifyReply,
  ): Promise<void> => {
    if (params.name !== model.name) {
      reply.callNotFound();
      return;
    }
    if (!model.ready) {
      await reply.code(503).header("retry-after", RETRY_AFTER_SECONDS).send();
      return;
    }
    const [path = ""] = (raw.url ?? "").split("?");
    const [, rest = ""] = /^\/v1\/models\/[^/]+\/(.*)$/.exec(path) ?? [];
    const ifNoneMatch = headers["if-none-match"] ?? null;
    const { status, headers: more, body } = await model.fetch({ path: rest, ifNoneMatch });
    const isBodiless = status === 304;
    await reply
      .code(status)
      .headers(more)
      .send(isBodiless ? undefined : Buffer.from(body.buffer, body.byteOffset, body.length));
  };
  app.get("/v1/models/:name/head", answer);
  for (const kind of ["manifests", "segments", "anchors"]) {
    app.get(`/v1/models/:name/${kind}/:log/:file`, answer);
  }
}
