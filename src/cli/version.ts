/** Set by the build, from package.json and git. */
declare const WHARF_VERSION: string | undefined;
declare const WHARF_COMMIT: string | undefined;

/** wharf's own version; `dev` when it runs from source, as in unit tests. */
export const VERSION = typeof WHARF_VERSION === "undefined" ? "dev" : WHARF_VERSION;

/** The commit that it was built from; `""` if that was no git checkout. */
export const GIT_COMMIT = typeof WHARF_COMMIT === "undefined" ? "" : WHARF_COMMIT;
