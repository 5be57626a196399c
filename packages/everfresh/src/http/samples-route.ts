import { EverfreshError } from "@everfresh/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { type InboxReceipt, KIND_HEADER, type PushBatch } from "@everfresh/streams";
import { RequestError } from "../errors.ts";
import type { ErasureReport } from "../samples/erasure-report.ts";
import type { ReplayReport, RowsToReplay } from "../samples/replay-rows.ts";
import type { Origins } from "./origins.ts";
import { linesOf, RequestBodies } from "./request-body.ts";
import { checkWriter } from "./write-access.ts";

/** The samples of a model, as others send and erase them. */
export interface ServedSamples {
  /** What other machines have to know; null where they may not. */
  readonly token: string | null;
  /** Takes a batch; it is stored when this resolves. @throws SourceNotPushedError and what the source throws */
  accept(batch: PushBatch): Promise<InboxReceipt>;
  /** Erases a sample everywhere. @throws SampleUnknownError, ErasureRefusedError */
  erase(id: string): Promise<ErasureReport>;
  /** Takes rows of the quarantine again. @throws QuarantineRowError and what the source throws */
  replay(rows: RowsToReplay): Promise<ReplayReport>;
}

/** A model with samples. */
export interface SampledModel {
  readonly name: string;
  /** Null where nobody keeps any. */
  readonly samples: ServedSamples | null;
}

const fields = z.record(z.string(), z.unknown());
const batchSchema = z.strictObject({
  samples: z.array(fields).default([]),
  labels: z.array(fields).default([]),
});
const replaySchema = z.strictObject({
  rows: z.union([
    z.literal("all"),
    z.array(
      z.strictObject({
        number: z.int().positive(),
        row: fields.optional(),
        text: z.string().optional(),
        base64: z.base64().optional(),
      }),
    ),
  ]),
});

const JSON_TYPES = new Set(["application/json"]);
const LINE_TYPES = new Set(["application/x-ndjson", "application/ndjson", "application/jsonl"]);

/** HTTP status of errors that are not this program's fault. */
const STATUS_BY_CODE: ReadonlyMap<string, number> = new Map([
  ["EF_REQUEST", 400],
  ["EF_UNAUTHORIZED", 401],
  ["EF_FORBIDDEN", 403],
  ["EF_SAMPLE_UNKNOWN", 404],
  ["EF_QUARANTINE_ROW", 404],
  ["EF_SOURCE_NOT_PUSHED", 409],
  ["EF_REQUEST_TOO_LARGE", 413],
  ["EF_INBOX_BATCH", 413],
  ["EF_INBOX_FULL", 429],
  ["EF_SERVER_BUSY", 429],
  ["EF_ERASURE_REFUSED", 503],
  ["EF_QUARANTINE_FULL", 507],
  ["EF_INBOX_WRITE", 507],
]);

/** Statuses after which the same may be sent again, and after how many seconds. */
const RETRY_AFTER_SECONDS: ReadonlyMap<number, number> = new Map([
  [429, 1],
  [503, 1],
]);

/**
 * Adds what others do with samples, for this machine and who has the token:
 *
 *   POST /v1/models/{name}/samples            { samples, labels }, or one of them per line
 *   DELETE /v1/models/{name}/samples/{id}
 *   POST /v1/models/{name}/quarantine/replay  { rows }
 */
export function addSamplesRoutes(
  app: FastifyInstance,
  model: SampledModel,
  origins: Origins,
): void {
  const bodies = new RequestBodies();
  const guarded =
    (answer: (samples: ServedSamples, request: FastifyRequest) => Promise<object>, status = 200) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const { samples, name } = model;
      if (samples === null || nameIn(request) !== name) {
        reply.callNotFound();
        return reply;
      }
      let document: object;
      try {
        checkWriter(request, { token: samples.token, origins });
        document = await answer(samples, request);
      } catch (error) {
        return refuse(request, reply, error);
      }
      return reply.code(status).send(document);
    };
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    // Bodies are received in pieces, once it is known who sends them.
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.post(
      "/v1/models/:name/samples",
      guarded((samples, request) => accept(samples, request, bodies), 202),
    );
    scope.delete(
      "/v1/models/:name/samples/:id",
      guarded((samples, request) => samples.erase(idOf(request))),
    );
    scope.post(
      "/v1/models/:name/quarantine/replay",
      guarded(async (samples, request) => samples.replay(await rowsIn(request, bodies))),
    );
    done();
  });
}

async function accept(
  samples: ServedSamples,
  request: FastifyRequest,
  bodies: RequestBodies,
): Promise<InboxReceipt> {
  const type = typeOf(request);
  const kind = request.headers[KIND_HEADER.toLowerCase()];
  if (!JSON_TYPES.has(type) && !LINE_TYPES.has(type)) {
    throw new RequestError(
      "Send JSON, { samples, labels }, or a sample per line as application/x-ndjson",
    );
  }
  const batchIn = (bytes: Uint8Array): PushBatch => {
    if (JSON_TYPES.has(type)) return parsed(batchSchema, bytes);
    const lines = linesOf(bytes);
    return kind === "label" ? { labels: lines } : { samples: lines };
  };
  const { raw, headers } = request;
  return bodies.receive(raw, headers["content-encoding"], async (bytes) =>
    samples.accept(batchIn(bytes)),
  );
}

async function rowsIn(request: FastifyRequest, bodies: RequestBodies): Promise<RowsToReplay> {
  if (!JSON_TYPES.has(typeOf(request))) throw new RequestError("Send JSON: { rows }");
  const { raw, headers } = request;
  const { rows } = await bodies.receive(raw, headers["content-encoding"], (bytes) =>
    Promise.resolve().then(() => parsed(replaySchema, bytes)),
  );
  if (rows === "all") return rows;
  return rows.map(({ number, row, text, base64 }) => ({
    number,
    ...(row === undefined ? {} : { row }),
    ...(text === undefined ? {} : { text }),
    ...(base64 === undefined ? {} : { base64 }),
  }));
}

function parsed<Result>(schema: z.ZodType<Result>, bytes: Uint8Array): Result {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RequestError(`The body is no JSON: ${reason}`);
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const [problem] = checked.error.issues;
  const where = problem?.path.join(".") ?? "";
  throw new RequestError(`${where === "" ? "The body" : where}: ${problem?.message ?? "is wrong"}`);
}

function typeOf({ headers }: FastifyRequest): string {
  return (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function nameIn({ params }: FastifyRequest): string {
  return (params as { readonly name: string }).name;
}

function idOf({ params }: FastifyRequest): string {
  return (params as { readonly id: string }).id;
}

function refuse(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof EverfreshError)) throw error;
  const { code, message, details } = error;
  const status = STATUS_BY_CODE.get(code) ?? 500;
  const seconds = RETRY_AFTER_SECONDS.get(status);
  if (seconds !== undefined) reply.header("retry-after", String(seconds));
  if (status === 401) reply.header("www-authenticate", "Bearer");
  // What was not read of the body would be taken for the next request.
  if (!request.raw.readableEnded) reply.header("connection", "close");
  return reply.code(status).send({ error: { code, message, details } });
}
