/** What the server says about a model; the only file of this package that names where from. */
export type { ModelStatus, ReplicaInfo, StatusPoint } from "@everfresh/sync";
