import { z } from "zod";
import { EverfreshError } from "@everfresh/core";
import { RunUnreachableError } from "../errors.ts";
import type { RollbackReport, RollbackRequest } from "./roll-back.ts";

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

/**
 * Asks the run that is served at `modelUrl` to bring back an earlier version.
 * @throws RunUnreachableError when it does not answer as a run does
 * @throws EverfreshError what the run itself says
 */
export async function rollBackRunning(
  modelUrl: string,
  request: RollbackRequest,
): Promise<RollbackReport> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(`${modelUrl}/rollback`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    body = await response.json();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RunUnreachableError(modelUrl, reason, cause);
  }
  if (response.ok) return body as RollbackReport;
  const checked = errorSchema.safeParse(body);
  if (checked.success) throw new RemoteError(checked.data.error);
  throw new RunUnreachableError(modelUrl, `status ${response.status}`);
}
