/** Credentials as `nsc` makes them: JWTs that an operator, an account and a user sign (NATS ADR-14). */
import { nkeys } from "@nats-io/nats-core";

/** A server's configuration, and the credentials file of somebody who may do everything there. */
export interface Credentials {
  readonly config: string;
  readonly credentials: string;
}

const UNLIMITED = {
  ...{ subs: -1, conn: -1, leaf: -1, imports: -1, exports: -1, data: -1, payload: -1 },
  wildcards: true,
};

const JET_STREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

/** New ones, with keys of their own. */
export function makeCredentials(): Credentials {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const system = nkeys.createAccount();
  const user = nkeys.createUser();
  const claimsOf = (limits: object): object => ({ type: "account", version: 2, limits });
  // The system's own account must not have JetStream.
  const preload = [
    `${account.getPublicKey()}: ${token(operator, account, claimsOf({ ...UNLIMITED, ...JET_STREAM }))}`,
    `${system.getPublicKey()}: ${token(operator, system, claimsOf(UNLIMITED))}`,
  ].join("\n");
  const userClaims = { type: "user", version: 2, subs: -1, data: -1, payload: -1 };
  return {
    config: `
      operator: ${token(operator, operator, { type: "operator", version: 2 })}
      system_account: ${system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: { ${preload} }`,
    credentials: `-----BEGIN NATS USER JWT-----
${token(account, user, userClaims)}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${new TextDecoder().decode(user.getSeed())}
------END USER NKEY SEED------
`,
  };
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

function token(issuer: KeyPair, subject: KeyPair, claims: object): string {
  const header = part({ typ: "JWT", alg: "ed25519-nkey" });
  const [iss, sub] = [issuer.getPublicKey(), subject.getPublicKey()];
  const body = part({ jti: sub, iat: 1_790_000_000, iss, sub, name: sub, nats: claims });
  const signature = issuer.sign(new TextEncoder().encode(`${header}.${body}`));
  return `${header}.${body}.${Buffer.from(signature).toString("base64url")}`;
}

function part(content: object): string {
  return Buffer.from(JSON.stringify(content)).toString("base64url");
}
