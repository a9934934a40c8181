/** Set by the build from package.json. */
declare const WHARF_VERSION: string | undefined;

/** wharf's own version; `dev` when it runs from source, as in unit tests. */
export const VERSION = typeof WHARF_VERSION === "undefined" ? "dev" : WHARF_VERSION;
