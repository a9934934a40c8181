import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, inject } from "vitest";
import { TestNode } from "./namespace.ts";

export interface FileNodeOptions {
  /** Remove all containers behind each test, so that the next one may use their names and count its own. */
  readonly cleared?: boolean;
}

/**
 * A namespace for the tests of a file, which calls this at its top: it has the image busybox, and is there from the first
 * test to the last. To put an image into a namespace takes as long as to run a container, so that a test has one of its
 * own only if it looks at all that there is of images.
 */
export function nodeOfFile({ cleared = false }: FileNodeOptions = {}): TestNode {
  const node = new TestNode(inject("host"), `test-${randomBytes(4).toString("hex")}`);
  beforeAll(async () => {
    await node.client.namespaces.create(node.namespace);
    await node.load();
  });
  if (cleared) afterEach(() => node.clear());
  afterAll(() => node[Symbol.asyncDispose]());
  return node;
}
