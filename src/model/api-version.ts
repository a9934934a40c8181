/** The window of Docker Engine API versions that wharf speaks, as minor numbers of version 1: docker 28's and back. */
export const OLDEST_API_MINOR = 24;
export const NEWEST_API_MINOR = 51;

export const MIN_API_VERSION = `1.${OLDEST_API_MINOR}`;
export const API_VERSION = `1.${NEWEST_API_MINOR}`;
