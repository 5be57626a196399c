import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { ForbiddenError, UnauthorizedError } from "../errors.ts";
import { isFromThisMachine, mayChange, type Origins } from "./origins.ts";

/** What is known of who asks. */
export interface WriterRequest {
  readonly headers: FastifyRequest["headers"];
  readonly socket: Pick<FastifyRequest["socket"], "remoteAddress" | "localAddress">;
}

/**
 * Lets requests pass that know the token, and those of programs and own pages on this machine.
 * @param token null where only this machine may
 * @throws UnauthorizedError for another token
 * @throws ForbiddenError for a request from elsewhere without one
 */
export function checkWriter(
  { headers, socket }: WriterRequest,
  { token, origins }: { readonly token: string | null; readonly origins: Origins },
): void {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (given !== undefined && token !== null) {
    if (isSame(given, token)) return;
    throw new UnauthorizedError();
  }
  if (!isFromThisMachine(socket)) {
    throw new ForbiddenError(
      "From other machines this takes a token: configure one, and send Authorization: Bearer TOKEN",
    );
  }
  if (!mayChange(origins, headers)) {
    throw new ForbiddenError(`A page of ${headers.origin ?? "nowhere"} must not change samples`);
  }
}

/** In a time that does not say how much of it is right. */
function isSame(given: string, token: string): boolean {
  const [a, b] = [given, token].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
