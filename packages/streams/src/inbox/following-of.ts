import type { Source } from "../sources/source.ts";
import type { Inbox, InboxOptions } from "./inbox.ts";

/** How arrivals of an inbox are read. */
type Reading = Pick<Inbox, "arrivals" | "counts">;

/** What a source with an inbox says of labels that follow; nothing where they come with samples. */
export function followingOf(
  { arrivals, counts }: Reading,
  { labelsFollow = false, expireAfterMs, pendingMax }: InboxOptions | Omit<InboxOptions, "name">,
): Pick<Source, "following"> {
  if (!labelsFollow) return {};
  const limits = {
    ...(expireAfterMs === undefined ? {} : { expireAfterMs }),
    ...(pendingMax === undefined ? {} : { pendingMax }),
  };
  return { following: { read: arrivals, limits, counts } };
}
