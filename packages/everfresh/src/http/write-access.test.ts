import { describe, expect, it } from "vitest";
import { checkWriter } from "./write-access.ts";

const TOKEN = "0123456789abcdef";

/** Whether a request passes, or the code of why not. */
function answered(
  remoteAddress: string,
  headers: Readonly<Record<string, string>>,
  token: string | null,
): string {
  const socket = { remoteAddress, localAddress: "192.0.2.1" };
  try {
    checkWriter({ headers, socket }, { token, origins: ["https://a.example"] });
    return "passes";
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe("who may change samples", () => {
  it("is this machine, and who knows the token", () => {
    expect(answered("127.0.0.1", {}, null)).toBe("passes");
    expect(answered("::ffff:127.0.0.1", {}, TOKEN)).toBe("passes");
    expect(answered("192.0.2.1", {}, null)).toBe("passes");
    expect(answered("192.0.2.9", {}, null)).toBe("EF_FORBIDDEN");
    expect(answered("192.0.2.9", {}, TOKEN)).toBe("EF_FORBIDDEN");
    expect(answered("192.0.2.9", bearer(TOKEN), TOKEN)).toBe("passes");
    expect(answered("192.0.2.9", bearer(`${TOKEN}0`), TOKEN)).toBe("EF_UNAUTHORIZED");
    expect(answered("127.0.0.1", bearer("another"), TOKEN)).toBe("EF_UNAUTHORIZED");
    // Where none is configured, nobody can know it.
    expect(answered("192.0.2.9", bearer("null"), null)).toBe("EF_FORBIDDEN");
  });

  it("is no page of another origin, though a listed one may follow the model", () => {
    const page = { origin: "https://a.example", host: "127.0.0.1:7070" };
    expect(answered("127.0.0.1", page, null)).toBe("EF_FORBIDDEN");
    const own = { origin: "http://127.0.0.1:7070", host: "127.0.0.1:7070" };
    expect(answered("127.0.0.1", own, null)).toBe("passes");
  });
});
