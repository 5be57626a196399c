import { EverfreshError } from "@everfresh/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { ForbiddenError, RequestError } from "../errors.ts";
import type { RollbackReport, RollbackRequest } from "../log/roll-back.ts";
import { isFromThisMachine, mayChange, type Origins } from "./origins.ts";

/** A model whose earlier versions can be brought back. */
export interface RollbackModel {
  readonly name: string;
  /** Resolves when the new version is durable and on its way to replicas. */
  rollBack(request: RollbackRequest): Promise<RollbackReport>;
}

const requestSchema = z.strictObject({
  version: z.int().nonnegative(),
  excludeSince: z.boolean().default(false),
});

/** HTTP status of errors that are not this program's fault. */
const STATUS_BY_CODE: ReadonlyMap<string, number> = new Map([
  ["EF_REQUEST", 400],
  ["EF_FORBIDDEN", 403],
  ["EF_VERSION_NOT_KEPT", 404],
  ["EF_ROLLBACK_REFUSED", 409],
]);

/**
 * Adds `POST /v1/models/{name}/rollback { version, excludeSince }`, for this machine. It takes JSON
 * only, and nothing that a page of another origin sends: a browser lets any page post plain text here.
 */
export function addRollbackRoute(
  app: FastifyInstance,
  model: RollbackModel,
  origins: Origins,
): void {
  app.post<{ Params: { name: string } }>("/v1/models/:name/rollback", async (request, reply) => {
    if (request.params.name !== model.name) {
      reply.callNotFound();
      return reply;
    }
    try {
      return await model.rollBack(requestOf(request, origins));
    } catch (error) {
      return refuse(reply, error);
    }
  });
}

function requestOf({ body, headers, socket }: FastifyRequest, origins: Origins): RollbackRequest {
  if (!isFromThisMachine(socket)) {
    throw new ForbiddenError("A rollback is asked for on the machine of the run");
  }
  if (!mayChange(origins, headers)) {
    throw new ForbiddenError(`A page of ${headers.origin ?? "nowhere"} must not roll back a model`);
  }
  if (headers["content-type"]?.startsWith("application/json") !== true) {
    throw new RequestError("Send JSON: content-type application/json");
  }
  const checked = requestSchema.safeParse(body);
  if (checked.success) return checked.data;
  const [problem] = checked.error.issues;
  const where = problem?.path.join(".") ?? "";
  throw new RequestError(
    `A rollback takes { version, excludeSince }: ${where === "" ? "" : `${where}: `}${problem?.message ?? ""}`,
  );
}

function refuse(reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof EverfreshError)) throw error;
  const { code, message, details } = error;
  return reply.code(STATUS_BY_CODE.get(code) ?? 500).send({ error: { code, message, details } });
}
