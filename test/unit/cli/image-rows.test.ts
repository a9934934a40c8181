import { describe, expect, it } from "vitest";
import { formatRows } from "../../../src/cli/format.ts";
import { IMAGE_TABLE, IMAGE_TABLE_WITH_DIGEST, imageRows, rowsOfImage } from "../../../src/cli/image-rows.ts";
import type { ImageSummary } from "../../../src/model/image-view.ts";

const ID = `sha256:${"0123456789abcdef".repeat(4)}`;
const DIGEST = `sha256:${"fedcba9876543210".repeat(4)}`;
const YEARS_AGO = Math.floor(Date.now() / 1000) - 3 * 365 * 24 * 3600;

function image(change: Partial<ImageSummary>): ImageSummary {
  return {
    Id: ID,
    ParentId: "",
    RepoTags: [],
    RepoDigests: [],
    Created: YEARS_AGO,
    Size: 4_270_000,
    SharedSize: -1,
    Labels: null,
    Containers: -1,
    ...change,
  };
}

function show(summary: ImageSummary, format: string, digests = false): string {
  return formatRows(imageRows({ truncated: true }), rowsOfImage(summary, { digests }), format);
}

describe("the rows of images", () => {
  it("are one a tag", () => {
    expect(show(image({ RepoTags: ["busybox:1", "busybox:2", "localhost:5000/b:x"] }), IMAGE_TABLE)).toBe(
      `REPOSITORY         TAG       IMAGE ID       CREATED       SIZE
busybox            1         0123456789ab   3 years ago   4.27MB
busybox            2         0123456789ab   3 years ago   4.27MB
localhost:5000/b   x         0123456789ab   3 years ago   4.27MB
`,
    );
  });

  it("have the digest of the tag's own repository", () => {
    const summary = image({ RepoTags: ["a:1", "b:1"], RepoDigests: [`a@${DIGEST}`] });

    expect(show(summary, "{{.Repository}} {{.Digest}}", true)).toBe(`a ${DIGEST}\nb <none>\n`);
    expect(show(summary, IMAGE_TABLE_WITH_DIGEST, true).split("\n")[0]).toMatch(
      /^REPOSITORY +TAG +DIGEST +IMAGE ID +CREATED +SIZE$/,
    );
  });

  it("are one a repository for digests without a tag, and one for an image without a name", () => {
    expect(show(image({ RepoDigests: [`a@${DIGEST}`] }), "{{.Repository}}:{{.Tag}}")).toBe("a:<none>\n");
    expect(show(image({}), "{{.Repository}}:{{.Tag}} {{.Digest}}")).toBe("<none>:<none> <none>\n");
  });

  it("show what was not counted as docker does", () => {
    expect(show(image({}), "{{.Containers}} {{.SharedSize}} {{.UniqueSize}} {{.VirtualSize}}")).toBe(
      "N/A N/A N/A 4.27MB\n",
    );
  });
});
