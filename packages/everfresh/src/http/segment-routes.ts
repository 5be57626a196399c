import type { HttpFeedAnswer, HttpFeedRequest } from "@everfresh/sync";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Origins, PREFLIGHT_HEADERS, readableBy } from "./origins.ts";

/** A model that can be followed by plain HTTP requests. */
export interface PolledModel {
  readonly name: string;
  /** Whether there is something to fetch; false while a restart replays. */
  readonly ready: boolean;
  /** Answers a request for the head, a manifest, a segment or an anchor. */
  fetch(request: HttpFeedRequest): Promise<HttpFeedAnswer>;
}

const RETRY_AFTER_SECONDS = "1";

/** Resources below the name of the manifest that they belong to. */
const EDITIONED = ["segments/:log/:manifest/:file", "anchors/:log/:manifest/:file"];

/**
 * Adds what replicas fetch that poll, and the caches between: `head`, which changes, and immutable
 * manifests, segments and anchors. Pages of `origins` may fetch them.
 */
export function addSegmentRoutes(app: FastifyInstance, model: PolledModel, origins: Origins): void {
  const answer = async (
    { params, raw, headers }: FastifyRequest<{ Params: { name: string } }>,
    reply: FastifyReply,
  ): Promise<void> => {
    if (params.name !== model.name) {
      reply.callNotFound();
      return;
    }
    reply.headers(readableBy(origins, headers.origin));
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
  const allow = async (
    { params, headers }: FastifyRequest<{ Params: { name: string } }>,
    reply: FastifyReply,
  ): Promise<void> => {
    if (params.name !== model.name) reply.callNotFound();
    else {
      const cors = readableBy(origins, headers.origin);
      await reply.code(204).headers(PREFLIGHT_HEADERS).headers(cors).send();
    }
  };
  for (const path of ["head", "manifests/:log/:file", ...EDITIONED]) {
    app.get(`/v1/models/:name/${path}`, answer);
    app.options(`/v1/models/:name/${path}`, allow);
  }
}
