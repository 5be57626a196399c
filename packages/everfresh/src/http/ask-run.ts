import { z } from "zod";
import { EverfreshError } from "@everfresh/core";
import { RunUnreachableError } from "../errors.ts";

const TIMEOUT_MS = 120_000; // a step of a large model, and writing its state

const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
});

/** What another process said was wrong. */
class RemoteError extends EverfreshError {
  constructor({ code, message, details = {} }: z.infer<typeof errorSchema>["error"]) {
    super(code, message, { details });
  }
}

/** What is asked of a run. */
export interface RunRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Under the address of the model, such as "/rollback". */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/**
 * Asks the run that is served at `modelUrl`, and gives the document that it answers with.
 * @throws RunUnreachableError when it does not answer as a run does
 * @throws EverfreshError what the run itself says
 */
export async function askRun(
  modelUrl: string,
  { method, path, body: sent }: RunRequest,
): Promise<unknown> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(`${modelUrl}${path}`, {
      method,
      ...(sent === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(sent) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    body = await response.json();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RunUnreachableError(modelUrl, reason, cause);
  }
  if (response.ok) return body;
  const checked = errorSchema.safeParse(body);
  if (checked.success) throw new RemoteError(checked.data.error);
  throw new RunUnreachableError(modelUrl, `status ${response.status}`);
}
