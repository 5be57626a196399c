import { FollowingReplica } from "./following-replica.ts";
import type { Replica, ReplicaOptions } from "./replica.ts";

/**
 * Joins a feed, knowing nothing but the transport, and resolves once there is a state to serve.
 * From then on it keeps serving the last good version whatever happens to the connection.
 * @throws ConnectError when there is no first state in time, with the last cause
 * @throws UpdateSignatureError when the feed has a first state that must not be trusted
 * @throws SigningUnavailableError when signatures are asked for and cannot be checked here
 */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  options.signal?.throwIfAborted();
  const replica = new FollowingReplica(options);
  await replica.opened();
  return replica;
}
