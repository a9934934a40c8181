/** The versions of the Docker Engine API that wharf speaks: docker 28's, down to the oldest that it answers. */
export const API_VERSION = "1.51";
export const MIN_API_VERSION = "1.24";
