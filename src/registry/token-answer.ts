import { EngineError } from "../errors.ts";
import { asObject, type JsonObject } from "../model/json-object.ts";

/** What a token is worth that does not say, by the token specification. */
const DEFAULT_LIFETIME_S = 60;
/** What may stand behind `Bearer`: visible characters, so that no token ends its header and begins another. */
const HEADER_TOKEN = /^[\x21-\x7e]+$/;

export interface TokenAnswer {
  readonly token: string;
  readonly lifetimeS: number;
  /** Buys more tokens: the server gives one to who asked for it, or in exchange for another one. */
  readonly refreshToken?: string;
}

/** Reads what a token server answered. @throws EngineError `unavailable` naming the host when there is no token in it. */
export function parseTokenAnswer(text: string, host: string): TokenAnswer {
  let answer: JsonObject;
  try {
    answer = asObject(JSON.parse(text));
  } catch {
    // The parser's own message would quote what may be a token.
    throw new EngineError("unavailable", `${host}: the token server gave no JSON`);
  }
  const token = answer.token || answer.access_token;
  if (typeof token !== "string" || !HEADER_TOKEN.test(token)) {
    throw new EngineError("unavailable", `${host}: the token server gave no token`);
  }
  const { expires_in: lifetimeS, refresh_token: refreshToken } = answer;
  return {
    token,
    lifetimeS: typeof lifetimeS === "number" && Number.isFinite(lifetimeS) ? lifetimeS : DEFAULT_LIFETIME_S,
    ...(typeof refreshToken === "string" && refreshToken !== "" && { refreshToken }),
  };
}
