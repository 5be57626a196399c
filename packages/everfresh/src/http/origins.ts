/** Which web pages may do what. Programs that are no browsers do not say where they come from. */
import { isIP } from "node:net";

/** Pages of which other origins may follow the model; "*" for those of any. */
export type Origins = "*" | readonly string[];

/** What a request says about the page that it comes from. */
export interface PageHeaders {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
}

/** How long a browser may remember that it may ask, in seconds; more than this none does. */
const PREFLIGHT_SECONDS = "7200";

/** Headers that let pages of these origins read an answer to a request from `origin`. */
export function readableBy(
  origins: Origins,
  origin: string | undefined,
): Readonly<Record<string, string>> {
  if (origins === "*") return { "access-control-allow-origin": "*", ...EXPOSED };
  // Caches must not give a page the answer that another one got.
  const vary = { vary: "origin" };
  if (origin === undefined || !origins.includes(origin)) return vary;
  return { "access-control-allow-origin": origin, ...EXPOSED, ...vary };
}

const EXPOSED = { "access-control-expose-headers": "etag" };

/** Headers for the question of a browser whether a page may ask for what only changes. */
export const PREFLIGHT_HEADERS: Readonly<Record<string, string>> = {
  allow: "GET, HEAD, OPTIONS",
  "access-control-allow-methods": "GET, HEAD",
  "access-control-allow-headers": "if-none-match",
  "access-control-max-age": PREFLIGHT_SECONDS,
  "cache-control": "no-store",
};

/** Whether a page may follow the model over a WebSocket: those know nothing of CORS. */
export function mayFollow(origins: Origins, page: PageHeaders): boolean {
  const { origin } = page;
  if (origin === undefined || origins === "*" || origins.includes(origin)) return true;
  return isSameOrigin(page);
}

/**
 * Whether a page may change something: only one of this very server. By a name that somebody else
 * owns it could be any page (DNS rebinding), so a name counts only where it is localhost or listed.
 */
export function mayChange(origins: Origins, page: PageHeaders): boolean {
  const { origin } = page;
  if (origin === undefined) return true;
  if (!isSameOrigin(page)) return false;
  const name = URL.parse(origin)?.hostname ?? "";
  const isListed = origins !== "*" && origins.includes(origin);
  return name === "localhost" || isIP(name.replace(/^\[|\]$/g, "")) !== 0 || isListed;
}

/** Whether a request comes from this machine: over its loopback, or from its own address. */
export function isFromThisMachine({
  remoteAddress = "",
  localAddress = "",
}: {
  readonly remoteAddress?: string | undefined;
  readonly localAddress?: string | undefined;
}): boolean {
  const remote = remoteAddress.replace(/^::ffff:/, "");
  return /^127\./.test(remote) || remote === "::1" || remoteAddress === localAddress;
}

function isSameOrigin({ origin, host }: PageHeaders): boolean {
  return origin !== undefined && URL.parse(origin)?.host === host;
}
