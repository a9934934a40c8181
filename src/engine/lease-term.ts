/**
 * How long the lease of an operation lasts whose owner was killed: what it had made so far is collected then. It ends by
 * the time of day, which may be set by a day while the owner is at it.
 */
export const LEASE_TERM_MS = 7 * 24 * 60 * 60 * 1000;
