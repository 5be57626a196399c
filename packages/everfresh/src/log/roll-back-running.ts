import { askRun } from "../http/ask-run.ts";
import type { RollbackReport, RollbackRequest } from "./roll-back.ts";

/**
 * Asks the run that is served at `modelUrl` to bring back an earlier version.
 * @throws RunUnreachableError when it does not answer as a run does
 * @throws EverfreshError what the run itself says
 */
export async function rollBackRunning(
  modelUrl: string,
  request: RollbackRequest,
): Promise<RollbackReport> {
  const answer = await askRun(modelUrl, { method: "POST", path: "/rollback", body: request });
  return answer as RollbackReport;
}
