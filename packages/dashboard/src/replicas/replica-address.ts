/** The address that a replica joins by, from the page's own. */
export function replicaAddress(base: URL, model: string): string {
  const address = new URL(`v1/models/${encodeURIComponent(model)}`, base);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = "";
  address.hash = "";
  return address.href;
}

/** The command that starts a replica. */
export function replicaCommand(base: URL, model: string): string {
  return `everfresh replica ${replicaAddress(base, model)}`;
}
