import type { FastifyInstance } from "fastify";
import { PortInUseError } from "../errors.ts";

/**
 * Connections that may wait to be accepted: when a server comes back, all its replicas come at once.
 * The system may allow fewer.
 */
const BACKLOG = 4_096;

/**
 * Starts listening and gives the `host:port` that clients use.
 * @throws PortInUseError when the address is taken; the app is closed then
 */
export async function listenOn(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    await app.listen({ host, port, backlog: BACKLOG });
  } catch (cause) {
    await app.close();
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE") {
      throw new PortInUseError(host, port, cause);
    }
    throw cause;
  }
  const [address] = app.addresses();
  const actualPort = typeof address === "object" ? address.port : port;
  return `${host.includes(":") ? `[${host}]` : host}:${actualPort}`;
}
