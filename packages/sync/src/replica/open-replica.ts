import { FollowingReplica } from "./following-replica.ts";
import type { Replica, ReplicaOptions } from "./replica.ts";

/**
 * Joins a feed, knowing nothing but the transport, and resolves once there is a state to serve.
 * From then on it keeps serving the last good version whatever happens to the connection.
 * @throws ConnectError when there is no first state in time, with the last cause
 */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  options.signal?.throwIfAborted();
  const replica = new FollowingReplica(options);
  await replica.opened();
  return replica;
}
